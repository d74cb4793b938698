// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The command line as a release package has it: compiled without SYSTOLE_KEY_LOG, which is what -Dkey_log=false does.
#include "dataplane/options.h"

#include <gtest/gtest.h>

#include <array>

#ifdef SYSTOLE_KEY_LOG
#error "this test must be compiled as a release is"
#endif

namespace systole::dataplane {
namespace {

TEST(Hostile, Z8_a_release_has_no_option_to_write_keys)
{
	const std::array<const char *, 2> arguments{"--key-log", "/keys"};
	const ParsedOptions parsed = parse_options(arguments);
	EXPECT_NE(parsed.error.find("--key-log"), std::string::npos) << parsed.error;
	EXPECT_TRUE(parsed.options.key_log.empty());
	EXPECT_EQ(usage().find("key-log"), std::string::npos);
	EXPECT_NE(usage().find("no-sandbox"), std::string::npos); // the look finds what is there
}

} // namespace
} // namespace systole::dataplane
