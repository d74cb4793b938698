# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""Programs that do a part of Systole's work, run beside it in the members' namespaces and struck by the same faults.

Each has a cable of its own (peer0, peer1 ..., a bridge each in sys-fabric), with addresses: a heartbeat link of Systole
must have none, since the kernel would answer ESP with ICMP errors; and a queue or a capture filter of one shared wire
would let one program's frames delay or hide another's. What they share is what a soak is about: the CPUs, the kernel,
the moment.
"""
