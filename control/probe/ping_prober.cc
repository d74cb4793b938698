// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// ICMP echo.
#include "control/probe/ping_prober.h"

#include "control/probe/datagram_prober.h"

#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace systole::control {

namespace {

constexpr std::size_t header_octets = 8; // type, code, checksum, identifier, sequence
constexpr std::size_t identifier_offset = 4;
constexpr std::size_t sequence_offset = 6;

std::uint16_t internet_checksum(OctetView octets)
{
	std::uint32_t sum = 0;
	for (std::size_t i = 0; i < octets.size(); ++i)
		sum += i % 2 == 0 ? static_cast<std::uint32_t>(octets[i]) << 8 : octets[i];
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return static_cast<std::uint16_t>(~sum);
}

class PingProber final : public DatagramProber {
public:
	PingProber(boost::asio::io_context &io, const ProbeTarget &target, ProbeDone done)
	    : DatagramProber(io, target, std::move(done)), m_v6(target.address.is_v6()), m_token(random_token()),
	      m_identifier(static_cast<std::uint16_t>(random_token()))
	{
	}

	[[nodiscard]] std::string start()
	{
		const int family = m_v6 ? AF_INET6 : AF_INET;
		const int protocol = m_v6 ? int{IPPROTO_ICMPV6} : int{IPPROTO_ICMP};
		int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
		if (fd < 0) {
			fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
			if (fd < 0)
				return "no ICMP socket: " + errno_text(errno) +
				       " (needs CAP_NET_RAW, or its group in net.ipv4.ping_group_range)";
			m_raw = true;
			keep_echo_replies_only(fd);
		}
		return open(fd, 0);
	}

protected:
	Octets request(std::uint64_t sequence) override
	{
		Octets message;
		put_big_endian(message, m_v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO, 1);
		put_big_endian(message, 0, 1);
		put_big_endian(message, 0, 2);
		put_big_endian(message, m_identifier, 2); // a datagram socket writes its own there
		put_big_endian(message, sequence, 2);
		put_big_endian(message, m_token, 8);
		put_big_endian(message, sequence, 8);
		if (!m_v6) { // the checksum of ICMPv6 is the kernel's
			const std::uint16_t checksum = internet_checksum(message);
			message[2] = static_cast<std::uint8_t>(checksum >> 8);
			message[3] = static_cast<std::uint8_t>(checksum);
		}
		return message;
	}
	OctetView reply_in(OctetView received) const override
	{
		if (m_raw && !m_v6) {
			const std::size_t ip_header = received.empty() ? 0 : (received[0] & 0x0fU) * 4U;
			if (ip_header == 0 || received.size() < ip_header)
				return {};
			received = received.subspan(ip_header);
		}
		constexpr std::size_t with_token = header_octets + 8;
		if (received.size() < with_token || received[0] != (m_v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY))
			return {};
		if (m_raw && big_endian_at(received, identifier_offset, 2) != m_identifier)
			return {};
		return big_endian_at(received, header_octets, 8) == m_token ? received : OctetView{};
	}
	bool answers(OctetView reply, OctetView request, std::chrono::nanoseconds &) const override
	{
		return std::equal(reply.begin() + sequence_offset, reply.end(), request.begin() + sequence_offset,
				  request.end());
	}

private:
	void keep_echo_replies_only(int fd) const
	{
		if (m_v6) {
			icmp6_filter filter;
			ICMP6_FILTER_SETBLOCKALL(&filter);
			ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
			setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter));
		} else {
			const icmp_filter filter{~(1U << ICMP_ECHOREPLY)};
			setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter, sizeof(filter));
		}
	}

	bool m_v6;
	bool m_raw = false;
	std::uint64_t m_token;
	std::uint16_t m_identifier;
};

} // namespace

std::unique_ptr<Prober> make_ping_prober(boost::asio::io_context &io, const ProbeTarget &target, ProbeDone done,
					 std::string &error)
{
	auto prober = std::make_unique<PingProber>(io, target, std::move(done));
	error = prober->start();
	return error.empty() ? std::move(prober) : nullptr;
}

} // namespace systole::control
