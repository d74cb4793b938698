# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""The smallest XDP program: drop. On a direct cable there is no port in between that could lose a frame."""
import ctypes
import os
import platform
import struct

_SYSCALL_BPF = {"x86_64": 321, "aarch64": 280}
_BPF_PROG_LOAD, _BPF_PROG_TYPE_XDP, _XDP_DROP = 5, 6, 1


def load_drop_program():
    """Its file descriptor; the kernel keeps the program for as long as it is attached."""
    number = _SYSCALL_BPF.get(platform.machine())
    if number is None:
        raise OSError(f"no bpf system call known for {platform.machine()}")
    # r0 = XDP_DROP; exit
    program = ctypes.create_string_buffer(struct.pack("=BBhiBBhi", 0xb7, 0, 0, _XDP_DROP, 0x95, 0, 0, 0))
    licence = ctypes.create_string_buffer(b"BSD")
    attribute = struct.pack("=IIQQIIQIIQ", _BPF_PROG_TYPE_XDP, 2, ctypes.addressof(program), ctypes.addressof(licence),
                            0, 0, 0, 0, 0, 0)
    buffer = ctypes.create_string_buffer(attribute.ljust(128, b"\0"))
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.syscall(ctypes.c_long(number), ctypes.c_int(_BPF_PROG_LOAD), buffer, ctypes.c_uint(128))
    if descriptor < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"loading the dropping XDP program: {os.strerror(error)}")
    return descriptor
