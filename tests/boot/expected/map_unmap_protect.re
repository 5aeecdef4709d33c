ok 4 KiB: each page faults before
ok 4 KiB: mapped, leaf of level 1
ok 4 KiB: each page is the right one
ok 4 KiB: protected to read-only
ok 4 KiB: each page is read as before
ok 4 KiB: each write faults
ok 4 KiB: an execution faults
ok 4 KiB: protected to executable, and executed
ok 4 KiB: unmapped
ok 4 KiB: each page faults after
ok 2 MiB: each page faults before
ok 2 MiB: mapped, leaf of level 2
ok 2 MiB: each page is the right one
ok 2 MiB: protected to read-only
ok 2 MiB: each page is read as before
ok 2 MiB: each write faults
ok 2 MiB: an execution faults
ok 2 MiB: protected to executable, and executed
ok 2 MiB: unmapped
ok 2 MiB: each page faults after
skipped 1 GiB: (no free RAM of that size|the CPU has no such leaves)
SUCCESS
