// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Each action reaches the virtual cluster that it names, and the beat that goes out is the node's present one.
#include "control/executor.h"

#include "control/core/wire.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace systole::control {
namespace {

using std::chrono::seconds;

core::Config two_vclusters()
{
	core::Config config;
	config.self = core::MemberId::from("SYS0000000000001");
	core::VclusterConfig second;
	second.id = 2;
	config.vclusters.push_back(second);
	return config;
}

// No address and no socket: nothing here needs a right.
TakeoverSettings no_interfaces()
{
	TakeoverSettings settings;
	settings.instance = "test";
	settings.vclusters = {1, 2};
	return settings;
}

class ExecutorTest : public testing::Test {
protected:
	ExecutorTest()
	{
		std::string pattern = (std::filesystem::temp_directory_path() / "systole-executor-XXXXXX").string();
		m_directory = mkdtemp(pattern.data());
		const std::string hook = m_directory / "hook";
		std::ofstream(hook) << "#!/bin/sh\necho $SYSTOLE_ROLE $SYSTOLE_VCLUSTER $SYSTOLE_EPOCH\n";
		chmod(hook.c_str(), 0755);
		executor.emplace(Executor::Parts{keys, worker, takeovers, hooks, attendance, node}, config, nonce,
				 RoleHooks{hook, hook, seconds{20}});
		executor->on_claimed(
			[this](std::uint8_t vcluster, const ClaimReport &) { claimed.push_back(vcluster); });
		executor->on_released(
			[this](std::uint8_t vcluster, const ReleaseReport &) { released.push_back(vcluster); });
		executor->on_sought([this](const core::SeekWitness &wish) { sought.push_back(wish); });
	}
	~ExecutorTest() override { std::filesystem::remove_all(m_directory); }

	void carry_out(std::initializer_list<core::Action> wanted)
	{
		core::Actions actions;
		for (const core::Action &action : wanted)
			actions.push_back(action);
		std::vector<core::KeyResult> answers;
		executor->carry_out(actions, now, answers);
		EXPECT_TRUE(answers.empty());
	}
	[[nodiscard]] static core::BecomePrimary become_primary(std::uint8_t vcluster, std::uint32_t epoch)
	{
		core::BecomePrimary action;
		action.vcluster = vcluster;
		action.epoch = epoch;
		return action;
	}
	void finish_hooks()
	{
		for (int turn = 0; turn < 2000 && hooks.busy(); ++turn) {
			std::this_thread::sleep_for(std::chrono::milliseconds{10});
			hooks.poll(now);
		}
	}

	std::filesystem::path m_directory;
	core::Time now{seconds{1000}};
	core::Config config = two_vclusters();
	core::BootNonce nonce{};
	std::unique_ptr<WorkerChannel> channel = std::make_unique<WorkerChannel>();
	WorkerPort worker{*channel};
	KeyAgent keys{crypto::Secret<32>{}, config, nonce, worker, {}};
	Takeovers takeovers{no_interfaces()};
	std::vector<std::string> said;
	HookRunners hooks{"test", [this](const HookResult &result) { said.push_back(result.output); }};
	Attendance attendance;
	core::Node node{config};
	std::optional<Executor> executor;
	std::vector<std::uint8_t> claimed, released;
	std::vector<core::SeekWitness> sought;
};

TEST_F(ExecutorTest, a_role_change_moves_the_addresses_of_its_own_virtual_cluster)
{
	carry_out({become_primary(2, 5)});
	EXPECT_EQ(claimed, std::vector<std::uint8_t>{2});
	EXPECT_EQ(takeovers.of(1).state(), Takeover::State::standby);
	EXPECT_EQ(takeovers.of(2).state(), Takeover::State::primary);
	carry_out({become_primary(1, 6), core::SuspendClaim{2}});
	EXPECT_EQ(takeovers.of(1).state(), Takeover::State::primary);
	EXPECT_EQ(takeovers.of(2).state(), Takeover::State::suspended);
	core::BecomeSecondary secondary;
	secondary.vcluster = 1;
	carry_out({core::ResumeClaim{2}, secondary});
	EXPECT_EQ(takeovers.of(1).state(), Takeover::State::releasing);
	EXPECT_EQ(takeovers.of(2).state(), Takeover::State::primary);
	EXPECT_EQ(released, std::vector<std::uint8_t>{1});
	finish_hooks();
}

TEST_F(ExecutorTest, a_claim_that_goes_on_calls_the_hook_of_its_own_last_claim)
{
	carry_out({become_primary(1, 5), become_primary(2, 9)});
	finish_hooks();
	said.clear();
	carry_out({core::Reannounce{1}});
	finish_hooks();
	carry_out({core::ResumeClaim{2}});
	finish_hooks();
	EXPECT_EQ(said, (std::vector<std::string>{"primary 1 5\n", "primary 2 9\n"}));
}

TEST_F(ExecutorTest, the_beat_is_the_nodes_own_after_the_step)
{
	core::Started started;
	started.hostname = core::Hostname::from("alpha");
	core::Actions actions;
	node.step({now, started}, actions);
	std::vector<core::KeyResult> answers;
	executor->carry_out(actions, now, answers);
	worker.flush();
	std::optional<SetBeat> sent;
	WorkerCommand command;
	while (channel->commands.pop(command))
		if (const auto *beat = std::get_if<SetBeat>(&command))
			sent = *beat;
	ASSERT_TRUE(sent);
	const auto content = core::decode_content(std::span(sent->content).first(sent->length));
	ASSERT_TRUE(content);
	EXPECT_EQ(*content, node.beat());
	EXPECT_EQ(content->vclusters.size(), 2U);
	EXPECT_EQ(content->hostname.view(), "alpha");
}

TEST_F(ExecutorTest, what_the_core_wants_of_the_witness_is_handed_on)
{
	carry_out({core::SeekWitness{2, true}, core::SeekWitness{2, false}});
	ASSERT_EQ(sought.size(), 2U);
	EXPECT_EQ(sought[0].vcluster, 2);
	EXPECT_TRUE(sought[0].wanted);
	EXPECT_FALSE(sought[1].wanted);
}

} // namespace
} // namespace systole::control
