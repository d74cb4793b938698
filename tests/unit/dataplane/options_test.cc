// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "dataplane/options.h"

#include <gtest/gtest.h>

namespace systole::dataplane {
namespace {

ParsedOptions parse(std::vector<const char *> arguments)
{
	return parse_options(arguments);
}

TEST(Options, nothing_means_the_default_instance_and_file)
{
	const auto [options, error] = parse({});
	EXPECT_EQ(error, "");
	EXPECT_EQ(options.action, Options::Action::run);
	EXPECT_EQ(options.file, "/etc/systole/systole.conf");
	EXPECT_EQ(options.instance, "default");
	EXPECT_TRUE(options.eal.empty());
	EXPECT_FALSE(options.prompt);
}

TEST(Options, what_stands_before_a_lone_double_dash_is_eals)
{
	const auto [options, error] = parse({"-l", "0,1", "--vdev=net_ring0", "--", "-f", "x.conf", "-n", "m1", "-i"});
	EXPECT_EQ(error, "");
	EXPECT_EQ(options.eal, (std::vector<std::string>{"-l", "0,1", "--vdev=net_ring0"}));
	EXPECT_EQ(options.file, "x.conf");
	EXPECT_EQ(options.instance, "m1");
	EXPECT_TRUE(options.prompt);
}

TEST(Options, each_action_has_its_word)
{
	EXPECT_EQ(parse({"-t", "-f", "x"}).options.action, Options::Action::test);
	EXPECT_EQ(parse({"--version"}).options.action, Options::Action::version);
	EXPECT_EQ(parse({"--help"}).options.action, Options::Action::help);
	EXPECT_NE(usage().find("-f"), std::string::npos);
	EXPECT_NE(usage().find("Exit codes"), std::string::npos);
}

TEST(Options, the_sandbox_is_on_and_groups_are_none_unless_named)
{
	EXPECT_TRUE(parse({}).options.sandbox);
	EXPECT_EQ(parse({}).options.read_group + parse({}).options.write_group, "");
	const auto [options, error] = parse({"--no-sandbox", "--read-group", "look", "--write-group=4000"});
	EXPECT_EQ(error, "");
	EXPECT_FALSE(options.sandbox);
	EXPECT_EQ(options.read_group, "look");
	EXPECT_EQ(options.write_group, "4000");
}

TEST(Options, what_is_not_understood_is_an_error_and_not_guessed)
{
	EXPECT_NE(parse({"--nonsense"}).error, "");
	EXPECT_NE(parse({"--vers"}).error, "");
	EXPECT_NE(parse({"-f"}).error, "");
	EXPECT_NE(parse({"stray"}).error, "");
	EXPECT_NE(parse({"-f", "a", "-f", "b"}).error, "");
}

#ifdef SYSTOLE_KEY_LOG
TEST(Options, a_key_log_directory_can_be_named)
{
	EXPECT_EQ(parse({"--key-log", "DIR"}).options.key_log, "DIR");
}
#else
TEST(Options, a_release_build_knows_no_key_log)
{
	EXPECT_NE(parse({"--key-log", "DIR"}).error, "");
	EXPECT_EQ(usage().find("key-log"), std::string::npos);
}
#endif

} // namespace
} // namespace systole::dataplane
