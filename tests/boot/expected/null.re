reading address 0
exception 14 \(page fault\), error code 0x0
RIP 0x[0-9a-f]{16} RSP 0x[0-9a-f]{16} CR2 0x0000000000000000
