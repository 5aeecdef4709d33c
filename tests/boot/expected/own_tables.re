ok CR3 is a table of the engine's
ok 4 KiB: mapped
ok 4 KiB: a read sets accessed, a write sets dirty
ok 4 KiB: one page protected, its write faults, and no more split than need be
ok 4 KiB: its fetch faults until that is its right
ok 4 KiB: unmapped, its read faults
ok 4 KiB: the rest is unmapped
ok 2 MiB: mapped
ok 2 MiB: a read sets accessed, a write sets dirty
ok 2 MiB: one page protected, its write faults, and no more split than need be
ok 2 MiB: its fetch faults until that is its right
ok 2 MiB: unmapped, its read faults
ok 2 MiB: the rest is unmapped
skipped 1 GiB: (no free RAM of that size|the CPU has no such leaves)
ok nothing is mapped any more
ok no frame is missing
ok with the table gone, nothing is left behind
SUCCESS
