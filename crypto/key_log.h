// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// ESP keys for tshark: DIR/esp_sa holds one line per SA, DIR/preferences switches deciphering and checking on, so that
//
//   WIRESHARK_CONFIG_DIR=DIR tshark -r capture.pcap
//
// judges every packet. Built only with -Dkey_log=true; a release package has no such code.
#pragma once

#include "crypto/sa.h"

#include <filesystem>
#include <optional>
#include <string>

namespace systole::crypto {

class KeyLog {
public:
	// Makes DIR (0700) if it is missing and appends to what is there. Empty optional: `error` names file and cause.
	[[nodiscard]] static std::optional<KeyLog> open(const std::filesystem::path &directory, std::string &error);
	~KeyLog();
	KeyLog(KeyLog &&other) noexcept;
	KeyLog &operator=(KeyLog &&) = delete;

	// Before the SA's first packet. The line is in the file when this returns; false if it is not.
	[[nodiscard]] bool append(const SaSpec &spec);

private:
	explicit KeyLog(int file) : m_file(file) {}
	int m_file;
};

} // namespace systole::crypto
