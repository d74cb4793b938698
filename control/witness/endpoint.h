// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Where one member of etcd listens for clients: http://10.0.0.5:2379, https://[fd00::5]:2379.
//
// An address, not a name: who may be primary must not wait for DNS, whose time limits are longer than a lease and which
// nothing can interrupt. With https the certificate must therefore have the address among its subjectAltNames (IP:).
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace systole::control {

struct WitnessEndpoint {
	std::string url; // as it was written
	bool tls = false;
	boost::asio::ip::tcp::endpoint address;

	[[nodiscard]] std::string host() const; // of the Host header: address and port
};

inline constexpr std::uint16_t default_etcd_port = 2379;

// Nothing: one line in `error`.
[[nodiscard]] std::optional<WitnessEndpoint> parse_endpoint(std::string_view url, std::string &error);

} // namespace systole::control
