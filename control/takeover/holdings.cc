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

void Holdings::arm(std::span<const HeldAddress> addresses, core::Time now)
{
	if (m_page == nullptr)
		return;
	settle();
	m_page->overflow = addresses.size() > HoldingsPage::room;
	m_page->count = static_cast<std::uint32_t>(std::min(addresses.size(), HoldingsPage::room));
	std::copy_n(addresses.begin(), m_page->count, m_page->held.begin());
	m_page->armed_ns.store(now.time_since_epoch().count());
	m_page->hold.store(Hold::held);
}

void Holdings::disarm()
{
	if (m_page != nullptr)
		settle();
}

} // namespace systole::control
