// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/keeper/process.h"

#include "control/takeover/spawn.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <thread>

namespace systole::control {

namespace {

constexpr const char *program_name = "systole-keeper";
constexpr auto predecessor_patience = std::chrono::seconds{3};

int open_pidfd(pid_t pid)
{
	return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}

// Not 0 to 2, should systoled have been started with those closed: the keeper has its own there.
int above_stdio(int fd)
{
	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	const int high = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(fd);
	return high;
}

pid_t holder_of(int lock_fd)
{
	struct flock lock {};
	lock.l_type = F_WRLCK;
	lock.l_whence = SEEK_SET;
	return fcntl(lock_fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? lock.l_pid : 0;
}

bool is_keeper(pid_t pid)
{
	std::string name;
	std::getline(std::ifstream("/proc/" + std::to_string(pid) + "/comm"), name);
	return name == program_name;
}

// A predecessor's keeper deletes what carries this instance's mark: it must be through before we make anything.
void wait_for_predecessor(const std::string &lock_file)
{
	const int fd = open(lock_file.c_str(), O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	const auto until = std::chrono::steady_clock::now() + predecessor_patience;
	for (pid_t pid = holder_of(fd); pid > 0; pid = holder_of(fd)) {
		if (std::chrono::steady_clock::now() > until && is_keeper(pid))
			kill(pid, SIGKILL); // stopped or hung; what it would have done is done at our start
		std::this_thread::sleep_for(std::chrono::milliseconds{5});
	}
	close(fd);
}

} // namespace

bool KeeperProcess::start(const std::string &instance, const std::string &lock_file, core::Duration dead,
			  std::string &error)
{
	wait_for_predecessor(lock_file);
	m_program = program_beside(program_name);
	m_instance = instance;
	m_lock_file = lock_file;
	m_dead = dead;
	m_memory = above_stdio(make_holdings_memory());
	m_page = m_memory < 0 ? nullptr : map_holdings(m_memory, true);
	m_self = above_stdio(open_pidfd(getpid()));
	if (m_page == nullptr || m_self < 0) {
		error = std::string("no keeper: ") + std::strerror(errno);
		return false;
	}
	return spawn(error);
}

std::vector<std::string> KeeperProcess::command() const
{
	return {m_program,
		m_instance,
		m_lock_file,
		std::to_string(core::microseconds(m_dead)),
		std::to_string(m_memory),
		std::to_string(m_self)};
}

SpawnResult KeeperProcess::spawn_here() const
{
	std::vector<std::string> words = command();
	std::vector<char *> arguments;
	for (std::string &word : words)
		arguments.push_back(word.data());
	arguments.push_back(nullptr);
	std::array<char *, 1> environment{nullptr};
	const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const SpawnResult spawned = spawn_detached(m_program.c_str(), arguments.data(), environment.data(), nothing,
						   STDERR_FILENO, inherited());
	close(nothing);
	return spawned;
}

bool KeeperProcess::spawn(std::string &error)
{
	const SpawnResult spawned = m_spawner != nullptr ? m_spawner->keeper() : spawn_here();
	if (spawned.error != 0) {
		error = m_program + " does not start: " + std::strerror(spawned.error) +
			"; nobody would take the cluster addresses away if this process were killed";
		return false;
	}
	m_pid = spawned.pid;
	m_pidfd = open_pidfd(m_pid);
	if (m_pidfd < 0) { // nobody would see it die
		error = std::string("no pidfd of systole-keeper: ") + std::strerror(errno);
		kill(m_pid, SIGKILL);
		(void)reap();
		return false;
	}
	return true;
}

std::string KeeperProcess::reap()
{
	int status = 0;
	if (m_pid > 0)
		waitpid(m_pid, &status, 0);
	m_pid = -1;
	if (m_pidfd >= 0)
		close(m_pidfd);
	m_pidfd = -1;
	return WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
				   : "exit code " + std::to_string(WEXITSTATUS(status));
}

bool KeeperProcess::start_again(std::string &error)
{
	return m_page != nullptr && spawn(error);
}

void KeeperProcess::finish()
{
	if (m_page != nullptr)
		m_page->finished.store(true);
	if (m_pid > 0) {
		kill(m_pid, SIGKILL);
		(void)reap();
	}
}

} // namespace systole::control
