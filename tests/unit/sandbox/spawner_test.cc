// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// systole-spawner starts what it was told of when it was started, and nothing else.
#include "control/spawner/process.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace systole::control {
namespace {

class Spawner : public testing::Test {
protected:
	Spawner()
	{
		std::string pattern = (std::filesystem::temp_directory_path() / "systole-spawner-XXXXXX").string();
		m_directory = mkdtemp(pattern.data());
		m_hook = m_directory / "hook";
		std::ofstream(m_hook) << "#!/bin/sh\nenv; echo parent $PPID; exit 7\n";
		chmod(m_hook.c_str(), 0755);
	}
	~Spawner() override { std::filesystem::remove_all(m_directory); }

	// Runs the hook to its end; what it printed.
	std::string run(SpawnerProcess &spawner, const std::string &path, const char *variable, SpawnResult &result,
			int &status)
	{
		std::array<int, 2> pipe_fds{};
		EXPECT_EQ(pipe2(pipe_fds.data(), O_CLOEXEC), 0);
		const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
		std::array<char *, 3> environment{const_cast<char *>("LD_PRELOAD=/evil.so"),
						  const_cast<char *>(variable), nullptr};
		result = spawner.hook(path.c_str(), environment.data(), nothing, pipe_fds[1]);
		close(nothing);
		close(pipe_fds[1]);
		std::string text;
		std::array<char, 512> part{};
		for (ssize_t n = 0; (n = read(pipe_fds[0], part.data(), part.size())) > 0;)
			text.append(part.data(), static_cast<std::size_t>(n));
		close(pipe_fds[0]);
		if (result.pid > 0) {
			EXPECT_EQ(waitpid(result.pid, &status, 0), result.pid)
				<< "the hook is not this process's child";
		}
		return text;
	}

	std::filesystem::path m_directory;
	std::string m_hook;
};

TEST_F(Spawner, starts_hooks_as_children_of_who_asked_with_the_environment_of_hooks)
{
	SpawnerProcess spawner{SYSTOLE_SPAWNER};
	std::string error;
	ASSERT_TRUE(spawner.start({m_hook, "/does/not/exist"}, {}, {}, error)) << error;
	int status = 0;
	SpawnResult result;
	const std::string text = run(spawner, m_hook, "SYSTOLE_ROLE=primary", result, status);
	EXPECT_EQ(result.error, 0);
	EXPECT_EQ(WEXITSTATUS(status), 7);
	EXPECT_NE(text.find("SYSTOLE_ROLE=primary\n"), std::string::npos) << text;
	EXPECT_NE(text.find("PATH=/usr/local/sbin"), std::string::npos) << text;
	EXPECT_NE(text.find("parent " + std::to_string(getpid())), std::string::npos) << text;
	EXPECT_EQ(text.find("LD_PRELOAD"), std::string::npos) << text;
}

TEST_F(Spawner, refuses_what_it_was_not_told_of)
{
	SpawnerProcess spawner{SYSTOLE_SPAWNER};
	std::string error;
	ASSERT_TRUE(spawner.start({m_hook, "/does/not/exist"}, {}, {}, error)) << error;
	SpawnResult result;
	int status = 0;
	EXPECT_EQ(run(spawner, "/bin/sh", "SYSTOLE_X=1", result, status), "");
	EXPECT_EQ(result.error, EPERM);
	EXPECT_EQ(run(spawner, "/does/not/exist", "SYSTOLE_X=1", result, status), "");
	EXPECT_EQ(result.error, ENOENT);
	EXPECT_EQ(spawner.keeper().error, ENOENT);
	EXPECT_TRUE(spawner.running());
	(void)run(spawner, m_hook, "SYSTOLE_X=1", result, status); // and it still works
	EXPECT_EQ(result.error, 0);
	EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), 0) << "something was left unreaped";
}

TEST_F(Spawner, that_has_died_is_noticed_and_nothing_hangs)
{
	std::string error;
	SpawnerProcess spawner{SYSTOLE_SPAWNER};
	ASSERT_TRUE(spawner.start({m_hook}, {}, {}, error)) << error;
	siginfo_t child{};
	std::ifstream children("/proc/thread-self/children");
	pid_t pid = 0;
	children >> pid;
	ASSERT_GT(pid, 0);
	ASSERT_EQ(kill(pid, SIGKILL), 0);
	ASSERT_EQ(waitid(P_PID, static_cast<id_t>(pid), &child, WEXITED | WNOWAIT), 0);
	SpawnResult result;
	int status = 0;
	EXPECT_EQ(run(spawner, m_hook, "SYSTOLE_X=1", result, status), "");
	EXPECT_EQ(result.error, ESRCH);
	EXPECT_FALSE(spawner.running());
}

} // namespace
} // namespace systole::control
