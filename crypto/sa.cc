// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Where SAs live: slots of one locked pool, the object in front, its expanded keys behind it.
#include "crypto/sa.h"

#include "crypto/ipsec_mb.h"
#include "crypto/locked_memory.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <new>

namespace systole::crypto {
namespace {

constexpr std::uint32_t lowest_spi = 256; // RFC 4303 2.1: 1 to 255 are reserved, 0 never goes on the wire

struct Slot {
	alignas(key_schedule_align) std::byte object[(std::max(sizeof(InboundSa), sizeof(OutboundSa)) + 63) / 64 * 64];
	alignas(key_schedule_align) std::byte keys[key_schedule_bytes];
};

// Never destroyed: an SA may be given back while the process ends.
LockedPool &pool()
{
	static LockedPool &made = *new LockedPool(sizeof(Slot));
	return made;
}

// The slot, or null. On success `keys` points into it.
std::byte *take_slot(const SaSpec &spec, const SaKeySchedule *&keys)
{
	if (spec.spi < lowest_spi || spec.suite == Suite::none || spec.key.size() != shape_of(spec.suite).key_bytes)
		return nullptr;
	std::byte *const slot = pool().take();
	if (slot == nullptr)
		return nullptr;
	keys = expand_keys(std::span<std::byte, key_schedule_bytes>(slot + offsetof(Slot, keys), key_schedule_bytes),
			   spec.suite, spec.key);
	if (keys == nullptr) {
		pool().give_back(slot);
		return nullptr;
	}
	return slot;
}

template <typename Sa> void release(Sa *sa)
{
	sa->~Sa();
	pool().give_back(reinterpret_cast<std::byte *>(sa));
}

} // namespace

void SaDeleter::operator()(OutboundSa *sa) const
{
	release(sa);
}
void SaDeleter::operator()(InboundSa *sa) const
{
	release(sa);
}

OutboundSaPtr make_outbound_sa(const SaSpec &spec)
{
	const SaKeySchedule *keys = nullptr;
	std::byte *const slot = take_slot(spec, keys);
	if (slot == nullptr)
		return nullptr;
	OutboundSaPtr sa(new (slot) OutboundSa);
	sa->m_spi = spec.spi;
	sa->m_suite = spec.suite;
	sa->m_keys = keys;
	return sa;
}

InboundSaPtr make_inbound_sa(const SaSpec &spec)
{
	const SaKeySchedule *keys = nullptr;
	std::byte *const slot = take_slot(spec, keys);
	if (slot == nullptr)
		return nullptr;
	InboundSaPtr sa(new (slot) InboundSa);
	sa->m_spi = spec.spi;
	sa->m_suite = spec.suite;
	sa->m_keys = keys;
	return sa;
}

// The keys by their place and not by m_keys: reading that would wait for the very memory that is to be fetched.
static const SaKeySchedule *keys_behind(const void *object)
{
	return reinterpret_cast<const SaKeySchedule *>(static_cast<const std::byte *>(object) + offsetof(Slot, keys));
}

void OutboundSa::prefetch() const
{
	__builtin_prefetch(this, 1);
	prefetch_to_seal(keys_behind(this));
}

void InboundSa::prefetch() const
{
	m_window.prefetch_next();
	prefetch_to_open(keys_behind(this));
}

std::size_t sa_slot_bytes()
{
	return pool().slot_bytes();
}

} // namespace systole::crypto
