// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What probes over one connected datagram socket share: sending, receiving, and finding the probe that a reply answers.
// The subclass says how a request looks and whether a reply answers it.
//
// Round trips end at the kernel's receive time stamp, so a reply that waited for this thread does not look late.
#pragma once

#include "control/probe/prober.h"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <map>
#include <span>
#include <vector>

namespace systole::control {

using Octets = std::vector<std::uint8_t>;
using OctetView = std::span<const std::uint8_t>;

class DatagramProber : public Prober {
public:
	DatagramProber(boost::asio::io_context &io, const ProbeTarget &target, ProbeDone done);
	~DatagramProber() override;

	void send(std::uint64_t sequence) final;
	std::string expire(std::uint64_t sequence) final;

protected:
	// Takes a socket over: binds it to the path, connects it, listens. Empty, or what failed.
	[[nodiscard]] std::string open(int fd, std::uint16_t port);

	[[nodiscard]] virtual Octets request(std::uint64_t sequence) = 0;
	// Where a reply begins in what was received (raw sockets give the IP header too); empty: it is nothing for us.
	[[nodiscard]] virtual OctetView reply_in(OctetView received) const { return received; }
	// `elsewhere`: time the reply says it spent inside the server.
	[[nodiscard]] virtual bool answers(OctetView reply, OctetView request,
					   std::chrono::nanoseconds &elsewhere) const = 0;

private:
	struct Waiting {
		std::chrono::steady_clock::time_point sent;
		Octets request;
	};
	void listen();
	void receive();
	void take(OctetView received, std::chrono::steady_clock::time_point at);

	ProbeTarget m_target;
	ProbeDone m_done;
	std::map<std::uint64_t, Waiting> m_waiting;
	std::string m_complaint; // what came instead of an answer, since the last answer
	std::shared_ptr<boost::asio::posix::stream_descriptor>
		m_socket; // handlers that still come see that it is closed
};

// A number that nobody outside can guess.
[[nodiscard]] std::uint64_t random_token();
void put_big_endian(Octets &out, std::uint64_t value, unsigned octets);
[[nodiscard]] std::uint64_t big_endian_at(OctetView from, std::size_t offset, unsigned octets);

} // namespace systole::control
