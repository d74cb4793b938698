// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// systolectl's end of the control socket: a connection for each request.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace systole::control::cli {

class Client {
public:
	// `instance` is only for messages; empty when the socket was named by hand.
	Client(std::string socket, std::string instance, std::chrono::milliseconds patience = std::chrono::seconds{5})
	    : m_socket(std::move(socket)), m_instance(std::move(instance)), m_patience(patience)
	{
	}

	// The reply's line. Empty: no daemon, or it does not answer; `error` says what to do.
	[[nodiscard]] std::optional<std::string> ask(std::string_view request, std::string &error) const;
	// Every line up to the end of the connection, or until `line` returns false or a signal comes. With `forever` it
	// waits as long as it takes. False: as above.
	[[nodiscard]] bool stream(std::string_view request, bool forever,
				  const std::function<bool(std::string_view)> &line, std::string &error) const;

private:
	[[nodiscard]] int open(std::string_view request, std::string &error) const;

	std::string m_socket;
	std::string m_instance;
	std::chrono::milliseconds m_patience;
};

// Until a daemon listens at `socket`; false: none did within `patience`.
[[nodiscard]] bool wait_for_daemon(const std::string &socket, std::chrono::seconds patience);

} // namespace systole::control::cli
