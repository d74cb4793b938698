// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/witness/endpoint.h"

#include <boost/asio/ip/address.hpp>

#include <charconv>

namespace systole::control {

std::string WitnessEndpoint::host() const
{
	const std::string text = address.address().to_string();
	return (address.address().is_v6() ? "[" + text + "]" : text) + ":" + std::to_string(address.port());
}

std::optional<WitnessEndpoint> parse_endpoint(std::string_view url, std::string &error)
{
	const auto refuse = [&](std::string_view why) {
		error = "\"";
		error.append(url).append("\": ").append(why).append(
			"; write http://10.0.0.5:2379 or https://[fd00::5]:2379");
		return std::nullopt;
	};
	constexpr std::string_view http = "http://";
	constexpr std::string_view https = "https://";
	WitnessEndpoint endpoint{.url = std::string(url), .tls = url.starts_with(https), .address = {}};
	if (!endpoint.tls && !url.starts_with(http))
		return refuse("it begins with neither http:// nor https://");
	std::string_view rest = url.substr(endpoint.tls ? https.size() : http.size());
	if (rest.ends_with('/'))
		rest.remove_suffix(1);

	const bool bracketed = rest.starts_with('[');
	const std::size_t end = bracketed ? rest.find(']') : rest.find(':');
	if (bracketed && end == std::string_view::npos)
		return refuse("the closing ] is missing");
	const std::string_view host = bracketed ? rest.substr(1, end - 1) : rest.substr(0, end);
	std::string_view port =
		end == std::string_view::npos ? std::string_view{} : rest.substr(end + (bracketed ? 1 : 0));

	boost::system::error_code invalid;
	const auto address = boost::asio::ip::make_address(host, invalid);
	if (invalid || address.is_v6() != bracketed)
		return refuse("it has no IP address (names are not looked up: the witness must not depend on DNS)");
	std::uint16_t number = default_etcd_port;
	if (!port.empty()) {
		const char *const last = port.data() + port.size();
		const auto [stopped, failed] = std::from_chars(port.data() + 1, last, number);
		if (port.front() != ':' || failed != std::errc{} || stopped != last || number == 0)
			return refuse("what follows the address is no port from 1 to 65535");
	}
	endpoint.address = {address, number};
	return endpoint;
}

} // namespace systole::control
