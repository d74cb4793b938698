// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The control socket: one request line of words in, one line of JSON out, as often as the client likes; `events` is a
// stream of lines. Runs on the control thread, so nothing a client does may cost it more than a moment:
//
//   a request line is at most 64 KiB        longer: error, close
//   64 clients                              one more: error, close
//   30 s without a whole request            close
//   5 s without taking what we send         close
//   1 MiB waiting for one that follows      close
//   the next request is read only when the last reply has been taken
#pragma once

#include "control/api/access.h"
#include "control/api/backend.h"

#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace systole::control {

struct ApiLimits {
	std::size_t request_bytes = 64U << 10;
	std::size_t clients = 64;
	std::size_t waiting_bytes = 1U << 20;
	std::chrono::milliseconds idle{30'000};
	std::chrono::milliseconds stalled{5'000};
};

class ApiServer {
public:
	// Both must outlive the server, and the io_context must not run handlers after it is gone without restart().
	ApiServer(boost::asio::io_context &io, ApiBackend &backend, const ApiLimits &limits = {},
		  const AccessGroups &groups = {});
	~ApiServer();
	ApiServer(const ApiServer &) = delete;
	ApiServer &operator=(const ApiServer &) = delete;

	// Listens at `path`, mode 0660, the groups let in there and in its directory; a socket that an earlier process left there is replaced (the caller holds the
	// InstanceLock). False: one line in `error`.
	[[nodiscard]] bool start(const std::string &path, std::string &error);
	// Closes everything and removes the socket.
	void stop();
	// Sends one event to everybody who follows; call it after History::append().
	void publish(const boost::json::object &event);

	[[nodiscard]] std::size_t clients() const;
	[[nodiscard]] std::uint64_t refused() const; // too many clients
	[[nodiscard]] std::uint64_t evicted() const; // idle, stalled, or too long a request
	[[nodiscard]] std::uint64_t denied() const;  // connections and commands of those who may not (access.h)

private:
	class Impl;
	std::shared_ptr<Impl> m_impl; // handlers that are still to be called keep it alive
};

} // namespace systole::control
