// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// mmap for whole pages, sodium_mlock for mlock + MADV_DONTDUMP, sodium_munlock for the wipe.
#include "crypto/locked_memory.h"

#include <sodium.h>
#include <sys/mman.h>

#include <new>
#include <utility>

namespace systole::crypto {
namespace {

constexpr std::size_t page_bytes = 4096;
constexpr std::size_t slot_align = 64;
constexpr std::size_t region_slots = 32;

constexpr std::size_t round_up(std::size_t value, std::size_t multiple)
{
	return (value + multiple - 1) / multiple * multiple;
}

} // namespace

LockedRegion::LockedRegion(std::size_t bytes)
{
	bytes = round_up(bytes, page_bytes);
	void *const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return;
	if (sodium_mlock(memory, bytes) != 0) {
		munmap(memory, bytes);
		return;
	}
	m_memory = {static_cast<std::byte *>(memory), bytes};
}

LockedRegion::~LockedRegion()
{
	if (m_memory.empty())
		return;
	sodium_munlock(m_memory.data(), m_memory.size());
	munmap(m_memory.data(), m_memory.size());
}

LockedRegion::LockedRegion(LockedRegion &&other) noexcept : m_memory(std::exchange(other.m_memory, {})) {}

LockedPool::LockedPool(std::size_t slot_bytes) : m_slot_bytes(round_up(slot_bytes, slot_align)) {}

std::byte *LockedPool::take()
{
	const std::lock_guard lock(m_mutex);
	if (m_free.empty()) {
		LockedRegion region(m_slot_bytes * region_slots);
		if (region.memory().empty())
			return nullptr;
		for (std::size_t slot = region_slots; slot-- > 0;)
			m_free.push_back(region.memory().data() + slot * m_slot_bytes);
		m_regions.push_back(std::move(region));
		m_free.reserve(m_regions.size() * region_slots); // giving back allocates nothing
	}
	std::byte *const slot = m_free.back();
	m_free.pop_back();
	return slot;
}

void LockedPool::give_back(std::byte *slot)
{
	wipe({slot, m_slot_bytes});
	const std::lock_guard lock(m_mutex);
	m_free.push_back(slot); // never more than it held before: reserved in take()
}

namespace {

// Never destroyed: secrets of static storage may end after it.
LockedPool &secrets()
{
	static LockedPool &made = *new LockedPool(secret_slot_bytes);
	return made;
}

} // namespace

std::byte *take_secret_slot()
{
	std::byte *const slot = secrets().take();
	if (slot == nullptr)
		throw std::bad_alloc();
	return slot;
}

void give_back_secret_slot(std::byte *slot) noexcept
{
	secrets().give_back(slot);
}

} // namespace systole::crypto
