stack from ffffc000000f0000 to ffffc00000100000
exception 14 \(page fault\), error code 0x2
RIP 0x[0-9a-f]{16} RSP 0xffffc000000f0000 CR2 0xffffc000000efff8
