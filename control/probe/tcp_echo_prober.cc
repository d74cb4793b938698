// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// TCP echo.
#include "control/probe/tcp_echo_prober.h"

#include "control/probe/datagram_prober.h"
#include "control/probe/session_prober.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

namespace systole::control {

namespace {

using boost::asio::ip::tcp;

class TcpEchoSession final : public ProbeSession, public std::enable_shared_from_this<TcpEchoSession> {
public:
	TcpEchoSession(boost::asio::io_context &io, const ProbeTarget &target, std::uint64_t sequence, Ended ended)
	    : ProbeSession(std::move(ended)), m_target(target), m_socket(io)
	{
		put_big_endian(m_sent, random_token(), 8);
		put_big_endian(m_sent, sequence, 8);
		m_received.resize(m_sent.size());
	}

	void start() override
	{
		if (const std::string error = open_stream(m_socket, m_target); !error.empty())
			return fail(error);
		enter("still connecting");
		m_socket.async_connect({scoped_address(m_target), m_target.port},
				       [self = shared_from_this()](const auto &error) { self->connected(error); });
	}

private:
	void close_socket() override
	{
		boost::system::error_code ignored;
		m_socket.close(ignored);
	}
	void connected(const boost::system::error_code &error)
	{
		if (is_over())
			return;
		if (error)
			return fail("connecting: " + error.message());
		enter("connected, waiting for the echo");
		boost::asio::async_write(m_socket, boost::asio::buffer(m_sent),
					 [self = shared_from_this()](const auto &failed, std::size_t) {
						 if (failed)
							 self->fail("sending: " + failed.message());
					 });
		boost::asio::async_read(
			m_socket, boost::asio::buffer(m_received),
			[self = shared_from_this()](const auto &failed, std::size_t) { self->echoed(failed); });
	}
	void echoed(const boost::system::error_code &error)
	{
		if (error)
			return fail("waiting for the echo: " + error.message());
		if (m_received != m_sent)
			return fail("the echo is not what was sent");
		succeed();
	}

	const ProbeTarget m_target;
	tcp::socket m_socket;
	Octets m_sent;
	Octets m_received;
};

} // namespace

std::unique_ptr<Prober> make_tcp_echo_prober(boost::asio::io_context &io, const ProbeTarget &target, ProbeDone done)
{
	return std::make_unique<SessionProber>(
		[&io, target](std::uint64_t sequence, ProbeSession::Ended ended) {
			return std::make_shared<TcpEchoSession>(io, target, sequence, std::move(ended));
		},
		std::move(done));
}

} // namespace systole::control
