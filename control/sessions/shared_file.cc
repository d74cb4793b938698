// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/sessions/shared_file.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <optional>

namespace systole::control {

namespace {

// What the handler of SIGBUS may touch. `begin` is written last and cleared first.
struct Watch {
	std::atomic<std::uintptr_t> begin{0};
	std::atomic<std::size_t> size{0};
	std::atomic<bool> torn{false};
};
constexpr std::size_t most_files = 8;
std::array<Watch, most_files> watches;
struct sigaction usual_action;

void on_bus_error(int signal, siginfo_t *info, void *)
{
	const auto at = reinterpret_cast<std::uintptr_t>(info->si_addr);
	for (Watch &watch : watches) {
		const std::uintptr_t begin = watch.begin.load();
		if (begin == 0 || at < begin || at - begin >= watch.size.load())
			continue;
		const int before = errno;
		void *const zeros = mmap(reinterpret_cast<void *>(begin), watch.size.load(), PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		errno = before;
		if (zeros == MAP_FAILED)
			break;
		watch.torn.store(true);
		return;
	}
	// Not ours: it happens again, to whoever was here before us.
	sigaction(signal, &usual_action, nullptr);
}

std::optional<std::size_t> watch(std::span<std::byte> bytes)
{
	static std::mutex mutex;
	static bool handled = false;
	const std::lock_guard guard(mutex);
	if (!handled) {
		struct sigaction action {};
		action.sa_sigaction = on_bus_error;
		action.sa_flags = SA_SIGINFO | SA_NODEFER;
		handled = sigaction(SIGBUS, &action, &usual_action) == 0;
	}
	for (std::size_t i = 0; handled && i < most_files; ++i) {
		if (watches[i].begin.load() != 0)
			continue;
		watches[i].torn.store(false);
		watches[i].size.store(bytes.size());
		watches[i].begin.store(reinterpret_cast<std::uintptr_t>(bytes.data()));
		return i;
	}
	return std::nullopt;
}

} // namespace

std::unique_ptr<SharedFile> SharedFile::make(const std::string &path, std::size_t bytes, std::string &error)
{
	std::unique_ptr<SharedFile> file(new SharedFile(path));
	const std::string name = path + ".new";
	const auto failed = [&](const char *what, int code) {
		error = "cannot " + std::string(what) + " " + name + ": " + std::strerror(code);
		return nullptr;
	};
	(void)unlink(name.c_str()); // of a process that was killed just here; the instance is ours alone
	const int fd = open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0660);
	if (fd < 0)
		return failed("make", errno);
	file->m_name = name;
	// Mode: whatever the umask. Memory: now, not as a SIGBUS when the file system is full.
	const int mode = fchmod(fd, 0660) == 0 ? 0 : errno;
	const int full = posix_fallocate(fd, 0, static_cast<off_t>(bytes));
	void *const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	const int unmapped = memory == MAP_FAILED ? errno : 0;
	close(fd);
	if (unmapped == 0)
		file->m_bytes = {static_cast<std::byte *>(memory), bytes};
	if (mode != 0)
		return failed("set the mode of", mode);
	if (full != 0)
		return failed("get memory for", full);
	if (unmapped != 0)
		return failed("map", unmapped);
	file->m_watch = watch(file->m_bytes);
	if (!file->m_watch)
		return failed("watch", EMFILE);
	return file;
}

SharedFile::~SharedFile()
{
	if (m_watch)
		watches[*m_watch].begin.store(0);
	if (!m_bytes.empty())
		(void)munmap(m_bytes.data(), m_bytes.size());
	if (!m_name.empty())
		(void)unlink(m_name.c_str());
}

bool SharedFile::publish(std::string &error)
{
	if (rename(m_name.c_str(), m_path.c_str()) != 0) {
		error = "cannot rename " + m_name + " to " + m_path + ": " + std::strerror(errno);
		return false;
	}
	m_name = m_path;
	return true;
}

bool SharedFile::torn() const
{
	return watches[*m_watch].torn.load();
}

} // namespace systole::control
