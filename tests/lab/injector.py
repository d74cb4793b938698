#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""Makes a running thread do what an intruder in it would, by ptrace (root, x86-64):

  injector.py call TID NUMBER [ARGUMENT...]   the next system call of that thread becomes this one; prints `returned N`
  injector.py signal PID NUMBER               sends the signal; prints how the process ended

Either prints `killed by signal N`, and `, core dumped` if the kernel says so, when that is the end of it."""
import ctypes
import os
import platform
import signal
import sys

SEIZE, INTERRUPT, CONT, SYSCALL, GETREGS, SETREGS, DETACH = 0x4206, 0x4207, 7, 24, 12, 13, 17
TRACE_SYSTEM_CALLS_APART = 1  # PTRACE_O_TRACESYSGOOD
WAIT_FOR_THREADS = 0x40000000  # __WALL
NAMES = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs "
         "gs").split()
ENOSYS = 38


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in NAMES]


_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def ptrace(request, tid, address=None, data=None):
    if _libc.ptrace(request, tid, address, data) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x} of {tid}: {os.strerror(ctypes.get_errno())}")


def wait(tid):
    """Until it stops; tells and ends this program if it ends instead."""
    status = os.waitpid(tid, WAIT_FOR_THREADS)[1]
    if os.WIFSTOPPED(status):
        return status
    if os.WIFSIGNALED(status):
        print(f"killed by signal {os.WTERMSIG(status)}" + (", core dumped" if os.WCOREDUMP(status) else ""))
    else:
        print(f"exit code {os.waitstatus_to_exitcode(status)}")
    sys.exit(0)


def to_system_call_stop(tid):
    """Runs on to the next entry into, or return from, a system call."""
    while True:
        ptrace(SYSCALL, tid)
        if os.WSTOPSIG(wait(tid)) == signal.SIGTRAP | 0x80:
            registers = Registers()
            ptrace(GETREGS, tid, None, ctypes.addressof(registers))
            return registers


def call(tid, number, *arguments):
    ptrace(SEIZE, tid, None, TRACE_SYSTEM_CALLS_APART)
    ptrace(INTERRUPT, tid)
    wait(tid)
    registers = to_system_call_stop(tid)
    while registers.rax != 2 ** 64 - ENOSYS:  # what the kernel puts there on entry
        registers = to_system_call_stop(tid)
    registers.orig_rax = number
    for name, value in zip(("rdi", "rsi", "rdx"), arguments):
        setattr(registers, name, value)
    ptrace(SETREGS, tid, None, ctypes.addressof(registers))
    result = to_system_call_stop(tid).rax
    to_system_call_stop(tid)  # a thread that a filter has killed returns once more before it dies
    print(f"returned {result if result < 2 ** 63 else result - 2 ** 64}")
    ptrace(DETACH, tid)


def send(pid, number):
    ptrace(SEIZE, pid)
    os.kill(pid, number)
    while True:
        stopped_by = os.WSTOPSIG(wait(pid))
        ptrace(CONT, pid, None, stopped_by if stopped_by == number else 0)


if platform.machine() != "x86_64":
    print("skipped: the registers of this machine are others")
    sys.exit(77)
{"call": call, "signal": send}[sys.argv[1]](*map(int, sys.argv[2:]))
