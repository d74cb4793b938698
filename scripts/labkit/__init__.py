# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""A cluster of members, a client and a server in network namespaces of one machine: see scripts/lab."""
