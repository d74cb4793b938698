// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Memory for keys: locked into RAM, left out of core dumps, wiped when given back. Not from malloc, whose neighbours
// could be read over, and not from hugepages, which other DPDK processes can map.
#pragma once

#include "crypto/bytes.h"

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace systole::crypto {

// Whole pages. Empty if the kernel grants no (locked) memory: RLIMIT_MEMLOCK, or CAP_IPC_LOCK, is the cure.
class LockedRegion {
public:
	explicit LockedRegion(std::size_t bytes);
	~LockedRegion();
	LockedRegion(LockedRegion &&other) noexcept;
	LockedRegion &operator=(LockedRegion &&) = delete;

	[[nodiscard]] std::span<std::byte> memory() const { return m_memory; }

private:
	std::span<std::byte> m_memory;
};

// Slots of one size, 64-byte aligned, in regions that are kept for the life of the pool. Any thread may call it.
class LockedPool {
public:
	explicit LockedPool(std::size_t slot_bytes);

	[[nodiscard]] std::byte *take(); // zeroed; null if there is no locked memory
	void give_back(std::byte *slot); // wipes
	[[nodiscard]] std::size_t slot_bytes() const { return m_slot_bytes; }

private:
	std::mutex m_mutex;
	std::size_t m_slot_bytes;
	std::vector<LockedRegion> m_regions;
	std::vector<std::byte *> m_free;
};

} // namespace systole::crypto
