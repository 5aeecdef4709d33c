Hello from ring 0\.
Command line: boot_info\.elf
Memory:
 +[0-9a-f]+ \+ +[0-9a-f]+ (free|image|boot information|initrd|page tables)
 +[0-9a-f]+ \+ +[0-9a-f]+ (free|image|boot information|initrd|page tables)
 +[0-9a-f]+ \+ +[0-9a-f]+ (free|image|boot information|initrd|page tables)
 +[0-9a-f]+ \+ +[0-9a-f]+ (free|image|boot information|initrd|page tables)
 +[0-9a-f]+ \+ +[0-9a-f]+ (free|image|boot information|initrd|page tables)
All of it is at ffff800000000000\.
Page tables begin at [0-9a-f]+000\.
ok the memory map ascends
ok CR3 is the table root
SUCCESS
