// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One question about one name, over c-ares: /etc/hosts, then the servers of /etc/resolv.conf, which is read anew each
// time. Not getaddrinfo(): that blocks a thread for as long as a dead name server likes, and cannot be called off.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace systole::control {

class NameLookup {
public:
	// Addresses in the order of the answer; none: `error` says why. Called once, from the loop.
	using Done = std::function<void(std::vector<boost::asio::ip::address> addresses, std::string error)>;

	// `servers`: "ADDRESS:PORT,..." instead of those of /etc/resolv.conf; empty: those.
	NameLookup(boost::asio::io_context &io, std::string_view name, bool v6, const std::string &servers, Done done);
	~NameLookup(); // calls it off: `done` is not called any more
	NameLookup(const NameLookup &) = delete;
	NameLookup &operator=(const NameLookup &) = delete;

private:
	class Question;
	std::shared_ptr<Question> m_question;
};

} // namespace systole::control
