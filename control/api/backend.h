// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What the control API asks of the daemon. Everything is called on the control thread and must not block.
#pragma once

#include "control/config/configuration.h"
#include "control/core/node.h"
#include "control/history.h"
#include "control/probe/link_monitor_status.h"
#include "control/ring.h"
#include "control/worker_counters.h"

#include <boost/json/object.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace systole::control {

class ApiBackend {
public:
	virtual ~ApiBackend() = default;

	[[nodiscard]] virtual const core::Node &node() const = 0;
	[[nodiscard]] virtual const Configuration &configuration() const = 0;
	[[nodiscard]] virtual const WorkerCounters &counters() const = 0;
	[[nodiscard]] virtual std::span<const HeartbeatPort> ports() const = 0; // in the order of `set hbdev`
	[[nodiscard]] virtual std::string poll_mode() const = 0;                // the one in use: busy, adaptive
	[[nodiscard]] virtual const History &history() const = 0;
	[[nodiscard]] virtual core::Time mono_now() const = 0;
	[[nodiscard]] virtual double unix_now() const = 0;
	[[nodiscard]] virtual std::string version() const = 0;
	[[nodiscard]] virtual std::vector<LinkMonitorStatus> link_monitor_status() const { return {}; }
	// Steps the core with this event, now.
	virtual void command(const core::EventBody &event) = 0;
	// `execute ha rekey`: reads the passwords again and agrees on new keys with everybody, with the password of this
	// index if there is one. What comes of it is told in the events. False and one line in `error`: not now.
	virtual bool rekey(std::optional<std::uint8_t> index, std::string &error) = 0;
	// `diagnose debug app`; false and one line in `error` when the name or level is unknown.
	virtual bool set_debug(std::string_view app, std::string_view level, std::string &error) = 0;

	// Joins the status as it is. Known to the text output and to `health`, each of them may be missing:
	//   "readiness": ["why a takeover would not work", ...]            one WARNING each
	//   "interfaces": {"port1": {"speed": "1000auto", "rx_bytes": 1, "rx_packets": 1, "rx_dropped": 0, "rx_errors": 0,
	//                            "tx_bytes": ...}}                     HBDEV stats, MONDEV stats
	//   "usage": {"sessions": 2, "cpu_user": 0, "cpu_nice": 0, "cpu_system": 0, "cpu_idle": 98, "memory": 70}
	[[nodiscard]] virtual boost::json::object extra_status() const = 0;
};

} // namespace systole::control
