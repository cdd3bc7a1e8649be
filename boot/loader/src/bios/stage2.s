# Stage 2's assembly: from real mode to long mode, and the way back for calls of the BIOS.
#
# All of this lies below 64 KiB, so that 16-bit code reaches it with segment 0.

.pushsection .real, "awx", @progbits
.code16
.global stage2
# In: from the boot sector, real mode, segments 0.
stage2:
    mov eax, 0x80000000
    cpuid
    mov si, offset no_long_mode
    cmp eax, 0x80000001
    jb mbr_fail
    mov eax, 0x80000001
    cpuid
    bt edx, 29
    jnc mbr_fail
    mov dword ptr [resume], offset first_entry
    cli
    lgdt [descriptor_pointer]
    mov eax, cr0
    or eax, 1
    mov cr0, eax
    # jmp 0x08:first_protected
    .byte 0x66, 0xea
    .long first_protected
    .word 0x08

.code32
first_protected:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    # Memory the file does not hold: all of .bss.
    xor eax, eax
    mov edi, offset bss_start
    mov ecx, offset bss_words
    cld
    rep stosd
    # Identity map of the first 4 GiB with 2 MiB pages: top table, one directory table, four directories.
    mov edi, offset identity_tables
    lea eax, [edi + 0x1003]
    mov [edi], eax
    lea eax, [edi + 0x2003]
    mov ecx, 4
    lea edx, [edi + 0x1000]
9:  mov [edx], eax
    add eax, 0x1000
    add edx, 8
    loop 9b
    lea edx, [edi + 0x2000]
    mov eax, 0x83
    mov ecx, 2048
2:  mov [edx], eax
    add eax, 0x200000
    add edx, 8
    loop 2b

# In: protected mode, flat 32-bit segments, no stack; resume = where to go. Out: long mode.
enter_long_mode:
    mov eax, cr4
    # PAE; SSE, which precompiled Rust code uses: OSFXSR, OSXMMEXCPT.
    or eax, 0x620
    mov cr4, eax
    mov eax, offset identity_tables
    mov cr3, eax
    mov ecx, 0xc0000080
    rdmsr
    or eax, 0x100
    wrmsr
    mov eax, cr0
    # No FPU emulation; FPU errors as exceptions; paging.
    and eax, ~0x4
    or eax, 0x80000022
    mov cr0, eax
    # jmp 0x18:long_mode
    .byte 0xea
    .long long_mode
    .word 0x18

.code64
long_mode:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov eax, [rip + resume]
    jmp rax

first_entry:
    lea rsp, [rip + stack_top]
    xor ebp, ebp
    movzx edi, byte ptr [boot_disk]
    mov rsi, [entry_ticks]
    call bios_main
    ud2

# extern "sysv64" fn bios_thunk(vector: u8): calls a BIOS service with the registers in thunk_registers,
# and puts the registers it returns there.
.global bios_thunk
bios_thunk:
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    mov [rip + thunk_vector], dil
    mov [rip + saved_stack], rsp
    sidt [rip + saved_interrupts]
    lea rax, [rip + thunk_return]
    mov [rip + resume], eax
    # Far return to 0x08:leave_long_mode, compatibility mode.
    push 0x08
    lea rax, [rip + leave_long_mode]
    push rax
    .byte 0x48, 0xcb

.code32
leave_long_mode:
    mov eax, cr0
    and eax, ~0x80000000
    mov cr0, eax
    mov ecx, 0xc0000080
    rdmsr
    and eax, ~0x100
    wrmsr
    mov eax, cr4
    and eax, ~0x20
    mov cr4, eax
    # jmp 0x20:leave_protected_mode, 16-bit protected mode.
    .byte 0xea
    .long leave_protected_mode
    .word 0x20

.code16
leave_protected_mode:
    # Segments with 64 KiB limits, which the real-mode segments keep.
    mov ax, 0x28
    mov ds, ax
    mov es, ax
    mov fs, ax
    mov gs, ax
    mov ss, ax
    lidt [real_interrupts]
    mov eax, cr0
    and eax, ~1
    mov cr0, eax
    # jmp 0:real_mode
    .byte 0xea
    .word real_mode
    .word 0

real_mode:
    xor ax, ax
    mov ds, ax
    mov fs, ax
    mov gs, ax
    mov ss, ax
    mov sp, 0x7c00
    mov eax, [thunk_registers + 0]
    mov ebx, [thunk_registers + 4]
    mov ecx, [thunk_registers + 8]
    mov edx, [thunk_registers + 12]
    mov esi, [thunk_registers + 16]
    mov edi, [thunk_registers + 20]
    mov es, [thunk_registers + 24]
    # ds last: it is how the others are reached.
    mov ds, [thunk_registers + 26]
    sti
    .byte 0xcd
thunk_vector:
    .byte 0
    cli
    cld
    # Only cs is known to be 0 now.
    mov cs:[thunk_registers + 0], eax
    mov cs:[thunk_registers + 4], ebx
    mov cs:[thunk_registers + 8], ecx
    mov cs:[thunk_registers + 12], edx
    mov cs:[thunk_registers + 16], esi
    mov cs:[thunk_registers + 20], edi
    mov cs:[thunk_registers + 24], es
    mov cs:[thunk_registers + 26], ds
    pushf
    pop word ptr cs:[thunk_registers + 28]
    xor ax, ax
    mov ds, ax
    lgdt [descriptor_pointer]
    mov eax, cr0
    or eax, 1
    mov cr0, eax
    # jmp 0x08:back_in_protected_mode
    .byte 0x66, 0xea
    .long back_in_protected_mode
    .word 0x08

.code32
back_in_protected_mode:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    jmp enter_long_mode

.code64
thunk_return:
    lidt [rip + saved_interrupts]
    mov rsp, [rip + saved_stack]
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    ret

.p2align 3
descriptors:
    .quad 0
    .quad 0x00cf9a000000ffff # 0x08: 32-bit code, flat
    .quad 0x00cf92000000ffff # 0x10: data, flat
    .quad 0x00af9a000000ffff # 0x18: 64-bit code
    .quad 0x00009a000000ffff # 0x20: 16-bit code, base 0, 64 KiB
    .quad 0x000092000000ffff # 0x28: 16-bit data, base 0, 64 KiB
descriptors_end:

descriptor_pointer:
    .word descriptors_end - descriptors - 1
    .long descriptors
real_interrupts:
    .word 0x3ff
    .long 0

.p2align 3
saved_stack:      .quad 0
saved_interrupts: .skip 10
.p2align 2
resume:           .long 0
# eax, ebx, ecx, edx, esi, edi; es, ds, flags.
.global thunk_registers
thunk_registers:  .skip 32
# Written by xtask: makes the sum of stage 2's 32-bit words 0.
.global stage2_checksum
stage2_checksum:  .long 0

no_long_mode:     .asciz "this CPU has no 64-bit mode\r\n"
.popsection

.pushsection .bss.bios, "aw", @nobits
.p2align 12
identity_tables:  .skip 6 * 0x1000
                  .skip 0x20000
stack_top:
.popsection
