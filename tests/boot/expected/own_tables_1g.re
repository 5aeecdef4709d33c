ok CR3 is a table of the engine's
ok 4 KiB: mapped
ok 4 KiB: a read sets accessed, a write sets dirty
ok 4 KiB: one page protected, and no more split than need be
ok 4 KiB: its write faults, its fetch until that is its right
ok 4 KiB: unmapped, its read faults
ok 4 KiB: the rest is unmapped
ok 2 MiB: mapped
ok 2 MiB: a read sets accessed, a write sets dirty
ok 2 MiB: one page protected, and no more split than need be
ok 2 MiB: its write faults, its fetch until that is its right
ok 2 MiB: unmapped, its read faults
ok 2 MiB: the rest is unmapped
ok 1 GiB: mapped
ok 1 GiB: a read sets accessed, a write sets dirty
ok 1 GiB: one page protected, and no more split than need be
ok 1 GiB: its write faults, its fetch until that is its right
ok 1 GiB: unmapped, its read faults
ok 1 GiB: the rest is unmapped
5 levels skipped: (paging would have to be off to switch|the CPU has no LA57)
ok nothing is mapped any more
ok no frame is missing
ok with the table gone, nothing is left behind
SUCCESS
