Hello from a guest in ring 0, long mode.
My command line: hello\.elf
My memory:
 +[0-9a-f]+ \+ +[0-9a-f]+  (free|image|boot information and stack|initrd|page tables)
 +[0-9a-f]+ \+ +[0-9a-f]+  (free|image|boot information and stack|initrd|page tables)
 +[0-9a-f]+ \+ +[0-9a-f]+  (free|image|boot information and stack|initrd|page tables)
 +[0-9a-f]+ \+ +[0-9a-f]+  (free|image|boot information and stack|initrd|page tables)
 +[0-9a-f]+ \+ +[0-9a-f]+  (free|image|boot information and stack|initrd|page tables)
 +[0-9a-f]+ \+ +[0-9a-f]+  (free|image|boot information and stack|initrd|page tables)
All of it is mapped at ffff800000000000\.
My page tables begin at [0-9a-f]+000\.
My initrd, 9 bytes:
spinning
ok the memory map ascends
ok CR3 is the table root
SUCCESS
