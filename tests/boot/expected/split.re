ok 2 MiB: mapped as one leaf
ok 2 MiB: one page in it protected
ok 2 MiB: it and its neighbour are 4 KiB leaves
ok 2 MiB: the first leaf is no smaller than need be
ok 2 MiB: its write faults
ok 2 MiB: its neighbours are written
ok 2 MiB: it is unmapped
ok 2 MiB: its read faults
ok 2 MiB: its neighbours are still written
ok 2 MiB: the rest is unmapped
skipped 1 GiB: (no free RAM of that size|the CPU has no such leaves)
SUCCESS
