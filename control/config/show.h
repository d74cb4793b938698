// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A configuration as text again: what `show` and `show full-configuration` print, as JSON, and the checksum that
// members compare. The password is never in any of them: `show` prints `set password ENC *`.
#pragma once

#include "control/config/configuration.h"

#include <boost/json/object.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace systole::control {

enum class ShowForm : std::uint8_t {
	changed, // what differs from the defaults
	full,    // `full-configuration`: every option that has an effect here
};

// `section`: "" for everything, or a top section as "system ha". Empty optional: no such section.
[[nodiscard]] std::optional<std::string> show_configuration(const Configuration &configuration,
							    std::string_view section = {},
							    ShowForm form = ShowForm::changed);

// {"system ha":{"group-id":103,"hbdev":[{"name":"hb0","priority":50}],...},"system interface":[{"name":"port1",...}]}
[[nodiscard]] std::optional<boost::json::object> configuration_json(const Configuration &configuration,
								    std::string_view section = {},
								    ShowForm form = ShowForm::changed);

using ConfigurationChecksum = std::array<std::byte, 16>;

// SHA-256, cut to the 16 bytes a heartbeat carries, of the synchronised options only. Equal on two members exactly
// when everything that must be alike is alike. Holds nothing of the password: it may be seen by anybody.
[[nodiscard]] ConfigurationChecksum configuration_checksum(const Configuration &configuration);
// The text it is computed over, to see what differs.
[[nodiscard]] std::string synchronised_text(const Configuration &configuration);

} // namespace systole::control
