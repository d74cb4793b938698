// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// TWAMP Light, sender.
#include "control/probe/twamp_prober.h"

#include "control/probe/datagram_prober.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <cerrno>

namespace systole::control {

namespace {

constexpr std::size_t sender_header = 14; // sequence, timestamp, error estimate
constexpr std::size_t reflector_header = 41;
constexpr std::size_t reflected_at = 4;
constexpr std::size_t received_at = 16;
constexpr std::size_t sender_part = 24;
constexpr std::uint64_t seconds_1900_to_1970 = 2208988800U;
// RFC 4656 section 4.1.2: not synchronised (S = 0), NTP format (Z = 0), scale 0, multiplier 1: it must not be zero.
constexpr std::uint64_t error_estimate = 0x0001;
constexpr int sender_ttl = 255; // RFC 5357 section 4.1.2

std::uint64_t ntp_now()
{
	timespec now{};
	clock_gettime(CLOCK_REALTIME, &now);
	const auto fraction = (static_cast<std::uint64_t>(now.tv_nsec) << 32) / 1'000'000'000U;
	return (static_cast<std::uint64_t>(now.tv_sec) + seconds_1900_to_1970) << 32 | fraction;
}

// Of two moments less than 34 years apart.
std::chrono::nanoseconds ntp_difference(std::uint64_t later, std::uint64_t earlier)
{
	const auto difference = static_cast<std::int64_t>(later - earlier);
	return std::chrono::seconds{difference >> 32} +
	       std::chrono::nanoseconds{(difference & 0xffffffff) * 1'000'000'000 >> 32};
}

class TwampProber final : public DatagramProber {
public:
	TwampProber(boost::asio::io_context &io, const ProbeTarget &target, ProbeDone done)
	    : DatagramProber(io, target, std::move(done)), m_octets(target.packet_bytes)
	{
	}
	[[nodiscard]] std::string start(const ProbeTarget &target)
	{
		const bool v6 = target.address.is_v6();
		const int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fd < 0)
			return "no socket: " + errno_text(errno);
		setsockopt(fd, v6 ? int{IPPROTO_IPV6} : int{IPPROTO_IP}, v6 ? int{IPV6_UNICAST_HOPS} : int{IP_TTL},
			   &sender_ttl, sizeof(sender_ttl));
		return open(fd, target.port);
	}

protected:
	Octets request(std::uint64_t sequence) override
	{
		Octets message;
		put_big_endian(message, sequence, 4);
		put_big_endian(message, ntp_now(), 8);
		put_big_endian(message, error_estimate, 2);
		message.resize(std::max(m_octets, reflector_header)); // as long as the answer at least (RFC 6038)
		return message;
	}
	bool answers(OctetView reply, OctetView request, std::chrono::nanoseconds &elsewhere) const override
	{
		if (reply.size() < reflector_header)
			return false;
		const OctetView echoed = reply.subspan(sender_part, sender_header);
		if (!std::equal(echoed.begin(), echoed.end(), request.begin()))
			return false;
		elsewhere = ntp_difference(big_endian_at(reply, reflected_at, 8), big_endian_at(reply, received_at, 8));
		return true;
	}

private:
	std::size_t m_octets;
};

} // namespace

std::unique_ptr<Prober> make_twamp_prober(boost::asio::io_context &io, const ProbeTarget &target, ProbeDone done,
					  std::string &error)
{
	auto prober = std::make_unique<TwampProber>(io, target, std::move(done));
	error = prober->start(target);
	return error.empty() ? std::move(prober) : nullptr;
}

} // namespace systole::control
