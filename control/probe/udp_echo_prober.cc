// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// UDP echo.
#include "control/probe/udp_echo_prober.h"

#include "control/probe/datagram_prober.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace systole::control {

namespace {

class UdpEchoProber final : public DatagramProber {
public:
	UdpEchoProber(boost::asio::io_context &io, const ProbeTarget &target, ProbeDone done)
	    : DatagramProber(io, target, std::move(done)), m_token(random_token())
	{
	}
	[[nodiscard]] std::string start(const ProbeTarget &target)
	{
		const int fd = socket(target.address.is_v6() ? AF_INET6 : AF_INET,
				      SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		return fd < 0 ? "no socket: " + errno_text(errno) : open(fd, target.port);
	}

protected:
	Octets request(std::uint64_t sequence) override
	{
		Octets message;
		put_big_endian(message, m_token, 8);
		put_big_endian(message, sequence, 8);
		return message;
	}
	bool answers(OctetView reply, OctetView request, std::chrono::nanoseconds &) const override
	{
		return std::equal(reply.begin(), reply.end(), request.begin(), request.end());
	}

private:
	std::uint64_t m_token;
};

} // namespace

std::unique_ptr<Prober> make_udp_echo_prober(boost::asio::io_context &io, const ProbeTarget &target, ProbeDone done,
					     std::string &error)
{
	auto prober = std::make_unique<UdpEchoProber>(io, target, std::move(done));
	error = prober->start(target);
	return error.empty() ? std::move(prober) : nullptr;
}

} // namespace systole::control
