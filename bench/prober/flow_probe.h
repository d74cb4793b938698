// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// UDP flows that should survive: each has a socket of its own, and so a source port, and asks again and again. A flow is
// kept when replies come again, the server still sees it come from the same address and port, and it was never silent for
// longer than a stall.
#pragma once

#include "bench/prober/endpoint.h"
#include "bench/prober/event_loop.h"
#include "bench/prober/exchange.h"
#include "bench/prober/flow_datagram.h"
#include "bench/prober/rota.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace systole::prober {

struct FlowReport {
	std::uint32_t total = 0;  // that were answered before the window began
	std::uint32_t moving = 0; // that were answered lately
	std::uint32_t kept = 0;
	std::uint32_t moved = 0; // the server saw another address or port
	std::int64_t longest_gap_ns = 0;
};

class FlowProbe {
public:
	static constexpr std::int64_t interval_ns = 200 * ns_per_ms;

	FlowProbe(EventLoop &loop, const Endpoint &server, std::uint32_t flows);

	void mark();
	// `moving_since_ns`: answered after this moment; 0: in the last turns.
	[[nodiscard]] FlowReport report(std::int64_t now, std::int64_t moving_since_ns) const;

private:
	struct Flow {
		Descriptor socket;
		Exchange exchange;
		std::uint64_t sequence = 0;
		FlowDatagram seen; // the first reply of the window
		bool moved = false;
	};

	void send_one(std::size_t index);
	void receive_all(Flow &flow);

	std::vector<std::unique_ptr<Flow>> m_flows;
	Rota m_rota;
};

} // namespace systole::prober
