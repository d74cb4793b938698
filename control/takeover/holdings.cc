// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/takeover/holdings.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <thread>

namespace systole::control {

namespace {

// One batch of deletions is done within a millisecond or two. A keeper that takes longer was stopped; what it may still
// delete afterwards is mended when the kernel tells of it.
constexpr auto patience = std::chrono::milliseconds{20};

} // namespace

int make_holdings_memory()
{
	const int fd = memfd_create("systole-holdings", MFD_CLOEXEC);
	if (fd >= 0 && ftruncate(fd, sizeof(HoldingsPage)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

HoldingsPage *map_holdings(int fd, bool fresh)
{
	void *memory = mmap(nullptr, sizeof(HoldingsPage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (memory == MAP_FAILED)
		return nullptr;
	return fresh ? new (memory) HoldingsPage : std::launder(static_cast<HoldingsPage *>(memory));
}

// Out of the keeper's reach.
void Holdings::settle()
{
	const auto until = std::chrono::steady_clock::now() + patience;
	Hold hold = m_page->hold.load();
	while (hold != Hold::nothing) {
		if (hold == Hold::taking && std::chrono::steady_clock::now() < until) {
			std::this_thread::sleep_for(std::chrono::microseconds{100});
			hold = m_page->hold.load();
			continue;
		}
		if (m_page->hold.compare_exchange_strong(hold, Hold::nothing))
			return;
	}
}

void Holdings::arm(std::uint8_t vcluster, std::vector<HeldAddress> addresses, core::Time now)
{
	m_held[vcluster] = std::move(addresses);
	if (m_page == nullptr)
		return;
	m_page->armed_ns.store(now.time_since_epoch().count());
	publish();
}

void Holdings::disarm(std::uint8_t vcluster)
{
	if (m_held.erase(vcluster) == 0 || m_page == nullptr)
		return;
	if (m_held.empty())
		settle();
	else
		publish();
}

void Holdings::publish()
{
	const std::uint32_t next = 1 - m_page->current.load();
	HoldingsList &list = m_page->lists[next];
	std::size_t count = 0;
	list.overflow = false;
	for (const auto &[vcluster, addresses] : m_held) {
		for (const HeldAddress &address : addresses) {
			if (count < HoldingsList::room)
				list.held[count++] = address;
			else
				list.overflow = true;
		}
	}
	list.count = static_cast<std::uint32_t>(count);
	m_page->current.store(next);
	if (m_page->hold.load() == Hold::held)
		return; // a keeper that begins from now on reads this list
	settle();
	m_page->hold.store(Hold::held);
}

} // namespace systole::control
