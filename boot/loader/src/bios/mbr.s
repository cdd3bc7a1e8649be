# Stage 1: the boot code in sector 0. At most 440 bytes.
#
# In:  a BIOS loaded this sector to 0x7c00 and jumped here in 16-bit real mode; dl = the boot disk.
# Out: stage 2 loaded to 0x8000 and entered at its first byte, with dl, boot_disk and entry_ticks set.
#
# Nothing but 8086 registers and flat low memory is relied on before the disk's extensions are found; any machine with
# those has at least a 386, hence the 32-bit registers.

.pushsection .mbr, "awx", @progbits
.code16
.global mbr
mbr:
    cli
    cld
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7c00
    # Some BIOSes enter at 07c0:0000; make it 0000:7c00 by jmp 0:mbr_start.
    .byte 0xea
    .word mbr_start
    .word 0
mbr_start:
    sti
    mov [boot_disk], dl
    rdtsc
    mov [entry_ticks], eax
    mov [entry_ticks + 4], edx

    # Disk services by sector number ("extensions")?
    mov ah, 0x41
    mov dl, [boot_disk]
    mov bx, 0x55aa
    int 0x13
    mov si, offset no_extensions
    jc mbr_fail
    cmp bx, 0xaa55
    jne mbr_fail

    # edi: sum of stage 2's 32-bit words, which is 0 if it is whole.
    xor edi, edi
2:  mov cx, [mbr_stage2_sectors]
    jcxz 5f
    # At most 64 sectors (32 KiB) a call: within every BIOS's limits, and never across a 64 KiB border.
    cmp cx, 64
    jbe 3f
    mov cx, 64
3:  mov [packet_count], cx
    pushad
    mov ah, 0x42
    mov dl, [boot_disk]
    mov si, offset packet
    int 0x13
    popad
    mov si, offset read_failed
    jc mbr_fail
    # A BIOS may report fewer sectors than asked for.
    mov cx, [packet_count]
    jcxz mbr_fail
    sub [mbr_stage2_sectors], cx
    movzx eax, cx
    add [mbr_stage2_sector], eax
    adc dword ptr [mbr_stage2_sector + 4], 0
    mov es, [packet_segment]
    shl ax, 5
    add [packet_segment], ax
    shl cx, 7
    xor si, si
4:  add edi, es:[si]
    add si, 4
    loop 4b
    jmp 2b
5:  mov si, offset damaged
    test edi, edi
    jnz mbr_fail
    mov dl, [boot_disk]
    # jmp 0:stage2
    .byte 0xea
    .word stage2
    .word 0

# Says "AIROX loader: " and the text at si, on the screen and on COM1, and stops. Stage 2 uses it too.
.global mbr_fail
mbr_fail:
    push si
    mov si, offset prefix
    call mbr_print
    pop si
    call mbr_print
6:  cli
    hlt
    jmp 6b

mbr_print:
    lodsb
    test al, al
    jz 8f
    push ax
    mov ah, 0x0e
    mov bx, 7
    int 0x10
    # COM1 as firmware left it; without one the status reads 0xff, ready.
    mov dx, 0x3fd
7:  in al, dx
    test al, 0x20
    jz 7b
    pop ax
    mov dx, 0x3f8
    out dx, al
    jmp mbr_print
8:  ret

prefix:        .asciz "\r\nAIROX loader: "
no_extensions: .asciz "this BIOS cannot read large disks\r\n"
read_failed:   .asciz "disk error\r\n"
damaged:       .asciz "stage 2 is damaged\r\n"

.p2align 2
# The packet the disk service takes: length, 0, sectors, offset and segment of the target, first sector.
packet:             .byte 16, 0
packet_count:       .word 0
                    .word 0
packet_segment:     .word 0x800
# Written by xtask.
.global mbr_stage2_sector
mbr_stage2_sector:  .quad 0
.global mbr_stage2_sectors
mbr_stage2_sectors: .word 0

# Not part of the code: the bytes behind it in memory, where sector 0's other contents were.
.set boot_disk, 0x7dfe
.set entry_ticks, 0x7df0
.popsection
