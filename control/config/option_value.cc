// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors

#include "control/config/option_value.h"

#include "control/config/diagnostic.h"
#include "control/config/nearest.h"
#include "control/witness/endpoint.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <set>

namespace systole::control::config {

namespace {

bool is_ascii_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

Judgement bad(std::size_t word, std::string error)
{
	return {{}, std::move(error), word};
}

std::string join(Choices choices, std::string_view between)
{
	std::string text;
	for (const std::string_view choice : choices) {
		if (!text.empty())
			text += between;
		text += choice;
	}
	return text;
}

enum class NumberFault : std::uint8_t { none, no_number, out_of_range };
struct Number {
	std::int64_t value = 0;
	NumberFault fault = NumberFault::none;
};

Number number(const std::string &word, std::int64_t low, std::int64_t high)
{
	Number result;
	const char *last = word.data() + word.size();
	const auto [end, error] = std::from_chars(word.data(), last, result.value);
	if (word.empty() || end != last || error == std::errc::invalid_argument)
		result.fault = NumberFault::no_number;
	else if (error == std::errc::result_out_of_range || result.value < low || result.value > high)
		result.fault = NumberFault::out_of_range;
	return result;
}

std::string range_text(const Option &option, std::int64_t low, std::int64_t high)
{
	std::string text = std::to_string(low) + " to " + std::to_string(high);
	if (!option.unit_name.empty())
		text += " (" + std::string(option.unit_name) + ")";
	return text;
}

Judgement judge_integer(const Option &option, const std::string &word)
{
	const Number found = number(word, option.low, option.high);
	if (found.fault == NumberFault::no_number)
		return bad(0, quoted(word) + " is not a number: write one from " +
				      range_text(option, option.low, option.high));
	if (found.fault == NumberFault::out_of_range)
		return bad(0, quoted(word) + " is out of range: write a number from " +
				      range_text(option, option.low, option.high));
	return {{std::to_string(found.value)}, {}, 0};
}

Judgement judge_choices(const Option &option, const Words &words)
{
	std::set<std::string_view> seen;
	for (std::size_t i = 0; i < words.size(); ++i) {
		if (std::find(option.choices.begin(), option.choices.end(), words[i]) == option.choices.end()) {
			const std::string_view near = nearest(words[i], option.choices);
			return bad(i, quoted(words[i]) + " is not known here: " +
					      (near.empty() ? "write " + join(option.choices, " | ")
							    : "did you mean " + quoted(near) + "? (" +
								      join(option.choices, " | ") + ")"));
		}
		if (!seen.insert(words[i]).second)
			return bad(i, quoted(words[i]) + " stands twice: keep one");
	}
	return {words, {}, 0};
}

// The kernel's rules for the name of a network interface; the vendor's limit of 15 bytes is the same.
std::optional<std::string> interface_name_fault(const std::string &word)
{
	if (word.empty())
		return "an interface name cannot be empty";
	if (word.size() > 15)
		return quoted(word) + " is too long for an interface name: at most 15 bytes";
	if (word == "." || word == ".." || word.find_first_of(" /:\t") != std::string::npos ||
	    word.find("\xc2\xa0") != std::string::npos)
		return quoted(word) + " cannot be an interface name: no blanks, '/' or ':'";
	return std::nullopt;
}

Judgement judge_names(const Words &words)
{
	std::set<std::string_view> seen;
	for (std::size_t i = 0; i < words.size(); ++i) {
		if (auto fault = interface_name_fault(words[i]))
			return bad(i, std::move(*fault));
		if (!seen.insert(words[i]).second)
			return bad(i, quoted(words[i]) + " stands twice: keep one");
	}
	return {words, {}, 0};
}

Judgement judge_heartbeat_ports(const Option &option, const Words &words)
{
	Judgement result;
	std::set<std::string_view> seen;
	for (std::size_t i = 0; i < words.size(); i += 2) {
		if (auto fault = interface_name_fault(words[i]))
			return bad(i, std::move(*fault));
		if (!seen.insert(words[i]).second)
			return bad(i, quoted(words[i]) + " stands twice: keep one");
		const std::string example = "write NAME PRIORITY pairs, as in set hbdev " + quoted(words[i]) + " 50";
		if (i + 1 == words.size())
			return bad(i, "the priority of " + quoted(words[i]) + " is missing: " + example);
		const Number priority = number(words[i + 1], option.low, option.high);
		if (priority.fault == NumberFault::no_number)
			return bad(i + 1, quoted(words[i + 1]) + " stands where the priority of " + quoted(words[i]) +
						  " belongs: " + example);
		if (priority.fault == NumberFault::out_of_range)
			return bad(i + 1, "priority " + quoted(words[i + 1]) + " of " + quoted(words[i]) +
						  " is out of range: write a number from " +
						  range_text(option, option.low, option.high));
		result.words.push_back(words[i]);
		result.words.push_back(std::to_string(priority.value));
	}
	if (seen.size() > option.count_high)
		return bad(2 * option.count_high,
			   "too many heartbeat ports: at most " + std::to_string(option.count_high));
	return result;
}

Judgement judge_heartbeat_unit(const std::string &word)
{
	for (const std::string_view unit : {"1", "10", "100"})
		if (word == unit || word == std::string(unit) + "ms")
			return {{std::string(unit) + "ms"}, {}, 0};
	return bad(0, quoted(word) +
			      " is no heartbeat unit: write 100ms or 10ms (or, where every member is Systole, 1ms)");
}

Judgement judge_ether_type(const std::string &word)
{
	unsigned value = 0;
	const char *last = word.data() + word.size();
	const auto [end, error] = std::from_chars(word.data(), last, value, 16);
	if (word.size() != 4 || error != std::errc{} || end != last)
		return bad(0, quoted(word) + " is no EtherType: write four hexadecimal digits, as in 8890");
	if (value < 0x0600)
		return bad(0, quoted(word) + " is a length, not an EtherType: write one from 0600 to ffff");
	for (const unsigned taken : {0x0800U, 0x0806U, 0x86ddU, 0x8100U, 0x88a8U})
		if (value == taken)
			return bad(0,
				   quoted(word) + " belongs to IPv4, ARP, IPv6 or VLAN tags: write another, as 8890");
	std::string lower = word;
	for (char &c : lower)
		if (c >= 'A' && c <= 'F')
			c = static_cast<char>(c - 'A' + 'a');
	return {{lower}, {}, 0};
}

// "5 0 0" in quotes, as the vendor prints it, or as three words.
Judgement judge_numbers(const Option &option, const Words &words)
{
	Judgement result;
	for (std::size_t i = 0; i < words.size(); ++i) {
		std::string_view rest = words[i];
		while (!rest.empty()) {
			const auto end = std::min(rest.find(' '), rest.size());
			if (end > 0) {
				const Number part = number(std::string(rest.substr(0, end)), 0, UINT32_MAX);
				if (part.fault != NumberFault::none)
					return bad(i, quoted(words[i]) + " is not a list of numbers");
				result.words.push_back(std::to_string(part.value));
			}
			rest.remove_prefix(std::min(end + 1, rest.size()));
		}
	}
	const auto count = static_cast<std::int64_t>(result.words.size());
	if (count < option.low || count > option.high)
		return bad(0, "takes " + describe_values(option) + ", not " + std::to_string(count));
	return result;
}

bool is_host(const Ipv4Prefix &prefix)
{
	const std::uint32_t address = host_order(prefix.address);
	const std::uint32_t host = address & ~netmask(prefix.length);
	if (address >> 28 >= 14 || address >> 24 == 0 ||
	    address >> 24 == 127) // multicast and reserved, "this", loopback
		return false;
	return prefix.length >= 31 || (host != 0 && host != ~netmask(prefix.length));
}

Judgement judge_ipv4_prefix(const Option &option, const Words &words)
{
	std::optional<Ipv4Prefix> prefix;
	if (words.size() == 1) {
		prefix = parse_ipv4_prefix(words[0]);
	} else {
		const auto address = parse_ipv4(words[0]);
		const auto length = parse_netmask(words[1]);
		if (!address)
			return bad(0, quoted(words[0]) + " is not an IPv4 address: " + describe_values(option));
		if (!length)
			return bad(1, quoted(words[1]) + " is not a netmask: write one as 255.255.255.0");
		prefix = Ipv4Prefix{*address, *length};
	}
	if (!prefix)
		return bad(0, quoted(words[0]) + " has no mask or is not an IPv4 address: write " +
				      describe_values(option));
	if (option.kind == Kind::ipv4_host) {
		if (*prefix == Ipv4Prefix{})
			return {}; // the vendor's way to write "no address"
		if (!is_host(*prefix))
			return bad(0, quoted(words[0]) + " is not an address of a host: no network, broadcast, "
							 "multicast or loopback address");
	}
	return {{to_text(prefix->address), netmask_text(prefix->length)}, {}, 0};
}

Judgement judge_ipv6_prefix(const Option &option, const std::string &word)
{
	const auto prefix = parse_ipv6_prefix(word);
	if (!prefix)
		return bad(0, quoted(word) + " is not an IPv6 address with a length: write " + describe_values(option));
	if (option.kind == Kind::ipv6_host) {
		if (*prefix == Ipv6Prefix{})
			return {}; // "::/0": no address
		if (prefix->address[0] == 0xff || prefix->address == Ipv6Address{})
			return bad(0, quoted(word) + " is not an address of a host");
	}
	return {{to_text(*prefix)}, {}, 0};
}

template <std::size_t Bytes>
std::array<std::uint8_t, Bytes> network_of(std::array<std::uint8_t, Bytes> address, std::size_t length)
{
	for (std::size_t bit = length; bit < 8 * Bytes; ++bit)
		address[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> bit % 8));
	return address;
}

Judgement judge_ip_net(const Option &option, const Words &words)
{
	const bool is_ipv6 = words[0].find(':') != std::string::npos;
	if (is_ipv6 && words.size() > 1)
		return bad(1, "IPv6 has no netmask: write X/LEN, as in 2001:db8::/32");
	Judgement found = is_ipv6 ? judge_ipv6_prefix(option, words[0]) : judge_ipv4_prefix(option, words);
	if (!found.error.empty())
		return found;
	// It would match more than whoever wrote it may have meant.
	const std::string cure = quoted(words[0]) + " has bits beyond its length: write ";
	if (is_ipv6) {
		Ipv6Prefix prefix = parse_ipv6_prefix(words[0]).value_or(Ipv6Prefix{});
		prefix.address = network_of(prefix.address, prefix.length);
		return Words{to_text(prefix)} == found.words ? found : bad(0, cure + to_text(prefix));
	}
	const std::uint8_t length = parse_netmask(found.words[1]).value_or(0);
	const std::string network = to_text(network_of(parse_ipv4(found.words[0]).value_or(Ipv4Address{}), length));
	return network == found.words[0] ? found : bad(0, cure + network + "/" + std::to_string(length));
}

Judgement judge_protocol(const Option &option, const std::string &word)
{
	if (std::find(option.choices.begin(), option.choices.end(), word) != option.choices.end())
		return {{word}, {}, 0};
	const Number found = number(word, option.low, option.high);
	if (found.fault == NumberFault::none)
		return {detail::words_from(option, found.value), {}, 0};
	if (found.fault == NumberFault::out_of_range)
		return bad(0, quoted(word) + " is out of range: write a number from " +
				      range_text(option, option.low, option.high));
	const std::string_view near = nearest(word, option.choices);
	return bad(0, quoted(word) + " is no protocol: " +
			      (near.empty() ? "write " + describe_values(option)
					    : "did you mean " + quoted(near) + "? (" + describe_values(option) + ")"));
}

Judgement judge_port_range(const Option &option, const std::string &word)
{
	const auto dash = word.find('-');
	const Number first = number(word.substr(0, dash), option.low, option.high);
	const Number last = dash == std::string::npos ? first : number(word.substr(dash + 1), option.low, option.high);
	for (const Number &port : {first, last}) {
		if (port.fault == NumberFault::no_number)
			return bad(0, quoted(word) + " is no port: write one, or FIRST-LAST, as in 443 or 8000-8100");
		if (port.fault == NumberFault::out_of_range)
			return bad(0, quoted(word) + " is out of range: write ports from " +
					      range_text(option, option.low, option.high));
	}
	const std::string low = std::to_string(first.value);
	const std::string high = std::to_string(last.value);
	if (first.value > last.value)
		return bad(0, quoted(word) + " runs backwards: write " + high + "-" + low);
	return {{first.value == last.value ? low : low + "-" + high}, {}, 0};
}

Judgement judge_text(const Option &option, const Words &words)
{
	for (std::size_t i = 0; i < words.size(); ++i) {
		const auto size = static_cast<std::int64_t>(words[i].size());
		if (size > option.high)
			return bad(i, quoted(words[i]) + " is " + std::to_string(size) + " bytes long: at most " +
					      std::to_string(option.high));
		if (size < option.low || (option.kind == Kind::text_list && size == 0))
			return bad(i, "cannot be empty");
	}
	if (words.size() == 1 && words[0].empty())
		return {}; // "" is how the vendor prints no value
	return {words, {}, 0};
}

Judgement judge_hostname(const Option &option, const std::string &word)
{
	const bool good = !word.empty() && static_cast<std::int64_t>(word.size()) <= option.high &&
			  std::all_of(word.begin(), word.end(),
				      [](char c) { return is_ascii_alnum(c) || c == '-' || c == '.' || c == '_'; });
	return good ? Judgement{{word}, {}, 0}
		    : bad(0, quoted(word) + " is not a host name: write 1 to " + std::to_string(option.high) +
				     " of A-Z a-z 0-9 - . _");
}

Judgement judge_serial(const std::string &word)
{
	const bool good = word.size() == 16 && std::all_of(word.begin(), word.end(), [](char c) {
				  return is_ascii_alnum(c) || c == '-' || c == '_';
			  });
	return good ? Judgement{{word}, {}, 0}
		    : bad(0, quoted(word) + " is not a serial: write exactly 16 of A-Z a-z 0-9 - _ (this has " +
				     std::to_string(word.size()) + ")");
}

Judgement judge_path(const Option &option, const std::string &word)
{
	if (word.empty())
		return {};
	if (word.front() != '/' || static_cast<std::int64_t>(word.size()) > option.high)
		return bad(0, quoted(word) + " is not an absolute path: write one that starts with '/', at most " +
				      std::to_string(option.high) + " bytes");
	return {{word}, {}, 0};
}

Judgement judge_endpoints(const Option &option, const Words &words)
{
	std::set<std::string_view> seen;
	for (std::size_t i = 0; i < words.size(); ++i) {
		std::string fault;
		if (static_cast<std::int64_t>(words[i].size()) > option.high)
			return bad(i, quoted(words[i]) + " is " + std::to_string(words[i].size()) +
					      " bytes long: at most " + std::to_string(option.high));
		if (!parse_endpoint(words[i], fault))
			return bad(i, std::move(fault));
		if (!seen.insert(words[i]).second)
			return bad(i, quoted(words[i]) + " stands twice: keep one");
	}
	return {words, {}, 0};
}

Judgement judge_mac_prefix(const std::string &word)
{
	const auto prefix = parse_mac_prefix(word);
	if (!prefix)
		return bad(0, quoted(word) + " is no MAC prefix: write four bytes, as in 02:53:59:53");
	if ((prefix->bytes[0] & 1) != 0)
		return bad(0, quoted(word) + " is a multicast prefix: the first byte must be even, as in 02:53:59:53");
	return {{to_text(*prefix)}, {}, 0};
}

bool takes_one_word(Kind kind)
{
	switch (kind) {
	case Kind::choice_list:
	case Kind::text_list:
	case Kind::name_list:
	case Kind::endpoint_list:
	case Kind::heartbeat_ports:
	case Kind::numbers:
	case Kind::ipv4_host:
	case Kind::ipv4_net:
	case Kind::ip_net: return false;
	default: return true;
	}
}

Judgement judge_by_kind(const Option &option, const Words &words)
{
	const std::string &first = words.front();
	switch (option.kind) {
	case Kind::flag:
		if (first == "enable" || first == "disable")
			return {{first}, {}, 0};
		return bad(0, quoted(first) + " is not known here: write enable or disable");
	case Kind::integer: return judge_integer(option, first);
	case Kind::choice:
	case Kind::choice_list: return judge_choices(option, words);
	case Kind::text:
	case Kind::text_list: return judge_text(option, words);
	case Kind::name:
	case Kind::name_list: return judge_names(words);
	case Kind::hostname: return judge_hostname(option, first);
	case Kind::serial: return judge_serial(first);
	case Kind::path: return judge_path(option, first);
	case Kind::endpoint_list: return judge_endpoints(option, words);
	case Kind::heartbeat_ports: return judge_heartbeat_ports(option, words);
	case Kind::heartbeat_unit: return judge_heartbeat_unit(first);
	case Kind::ether_type: return judge_ether_type(first);
	case Kind::numbers: return judge_numbers(option, words);
	case Kind::ipv4: {
		const auto address = parse_ipv4(first);
		return address ? Judgement{{to_text(*address)}, {}, 0}
			       : bad(0, quoted(first) + " is not an IPv4 address: write one as 10.0.0.1");
	}
	case Kind::ipv6: {
		const auto address = parse_ipv6(first);
		return address ? Judgement{{to_text(*address)}, {}, 0}
			       : bad(0, quoted(first) + " is not an IPv6 address: write one as 2001:db8::1");
	}
	case Kind::ipv4_host:
	case Kind::ipv4_net: return judge_ipv4_prefix(option, words);
	case Kind::ipv6_host:
	case Kind::ipv6_net: return judge_ipv6_prefix(option, first);
	case Kind::ip_net: return judge_ip_net(option, words);
	case Kind::protocol: return judge_protocol(option, first);
	case Kind::port_range: return judge_port_range(option, first);
	case Kind::mac_prefix: return judge_mac_prefix(first);
	case Kind::secret: break;
	}
	return bad(0, "cannot be judged as plain text");
}

} // namespace

Judgement judge(const Option &option, const Words &words)
{
	if (takes_one_word(option.kind) && words.size() > 1)
		return bad(1, "takes one value: put it in quotes if it holds blanks");
	if ((option.kind == Kind::ipv4_host || option.kind == Kind::ipv4_net || option.kind == Kind::ip_net) &&
	    words.size() > 2)
		return bad(2, "takes " + describe_values(option));
	if ((option.kind == Kind::name_list || option.kind == Kind::text_list || option.kind == Kind::endpoint_list) &&
	    words.size() > option.count_high)
		return bad(option.count_high, "too many values: at most " + std::to_string(option.count_high));
	Judgement judgement = judge_by_kind(option, words);
	if (!judgement.error.empty() && !option.cure_text.empty())
		judgement.error += "; " + std::string(option.cure_text);
	return judgement;
}

std::string describe_values(const Option &option)
{
	const std::string high = std::to_string(option.high);
	switch (option.kind) {
	case Kind::flag: return "enable | disable";
	case Kind::integer:
		return std::to_string(option.low) + "-" + high +
		       (option.unit_name.empty() ? "" : " " + std::string(option.unit_name));
	case Kind::choice: return join(option.choices, " | ");
	case Kind::choice_list: return "some of " + join(option.choices, ", ");
	case Kind::text: return "text, up to " + high + " bytes";
	case Kind::text_list:
		return "up to " + std::to_string(option.count_high) + " texts of up to " + high + " bytes";
	case Kind::name: return "interface name";
	case Kind::name_list: return "up to " + std::to_string(option.count_high) + " interface names";
	case Kind::hostname: return "host name, up to " + high + " bytes";
	case Kind::serial: return "exactly 16 characters A-Z a-z 0-9 - _";
	case Kind::endpoint_list:
		return "up to " + std::to_string(option.count_high) +
		       " URLs http://ADDRESS:PORT or https://ADDRESS:PORT, an IPv6 address in [ ]";
	case Kind::path: return "absolute path, up to " + high + " bytes";
	case Kind::secret: return "text, up to " + high + " bytes";
	case Kind::heartbeat_ports:
		return "up to " + std::to_string(option.count_high) + " pairs NAME PRIORITY, priority " +
		       std::to_string(option.low) + "-" + high;
	case Kind::heartbeat_unit: return "100ms | 10ms | 1ms, with or without ms";
	case Kind::ether_type: return "four hexadecimal digits";
	case Kind::numbers:
		return (option.low == option.high ? high : std::to_string(option.low) + " to " + high) + " numbers";
	case Kind::ipv4: return "IPv4 address";
	case Kind::ipv6: return "IPv6 address";
	case Kind::ipv4_host:
	case Kind::ipv4_net: return "A.B.C.D MASK or A.B.C.D/LEN";
	case Kind::ipv6_host:
	case Kind::ipv6_net: return "X/LEN";
	case Kind::ip_net: return "A.B.C.D MASK, A.B.C.D/LEN or, of IPv6, X/LEN";
	case Kind::protocol: return join(option.choices, " | ") + " | " + std::to_string(option.low) + "-" + high;
	case Kind::port_range: return "FIRST or FIRST-LAST, " + std::to_string(option.low) + "-" + high;
	case Kind::mac_prefix: return "four bytes aa:bb:cc:dd";
	}
	return {};
}

} // namespace systole::control::config
