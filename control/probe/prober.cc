// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Which prober serves which protocol, and what those over TCP share.
#include "control/probe/prober.h"

#include "control/probe/http_prober.h"
#include "control/probe/ping_prober.h"
#include "control/probe/tcp_echo_prober.h"
#include "control/probe/twamp_prober.h"
#include "control/probe/udp_echo_prober.h"

namespace systole::control {

boost::asio::ip::address scoped_address(const ProbeTarget &target)
{
	if (!target.address.is_v6() || !target.address.to_v6().is_link_local() || target.path.device_index == 0)
		return target.address;
	return boost::asio::ip::address_v6(target.address.to_v6().to_bytes(), target.path.device_index);
}

std::string open_stream(boost::asio::ip::tcp::socket &socket, const ProbeTarget &target)
{
	boost::system::error_code error;
	socket.open(target.address.is_v6() ? boost::asio::ip::tcp::v6() : boost::asio::ip::tcp::v4(), error);
	if (error)
		return "no socket: " + error.message();
	return bind_to_path(socket.native_handle(), target.path);
}

std::unique_ptr<Prober> make_prober(boost::asio::io_context &io, boost::asio::ssl::context &tls,
				    const ProbeTarget &target, ProbeDone done, std::string &error)
{
	using Protocol = Configuration::Protocol;
	switch (target.protocol) {
	case Protocol::ping:
	case Protocol::ping6: return make_ping_prober(io, target, std::move(done), error);
	case Protocol::tcp_echo: return make_tcp_echo_prober(io, target, std::move(done));
	case Protocol::udp_echo: return make_udp_echo_prober(io, target, std::move(done), error);
	case Protocol::http: return make_http_prober(io, nullptr, target, std::move(done));
	case Protocol::https: return make_http_prober(io, &tls, target, std::move(done));
	case Protocol::twamp: return make_twamp_prober(io, target, std::move(done), error);
	}
	error = "unknown protocol";
	return nullptr;
}

} // namespace systole::control
