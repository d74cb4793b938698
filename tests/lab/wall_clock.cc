// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// For LD_PRELOAD: in the systoled of one member, every way to ask for the wall clock is answered with the seconds that
// stand in a file (8 bytes, this machine's order) added. CLOCK_MONOTONIC stays what it is. WALL_CLOCK_FILE names the file,
// WALL_CLOCK_MEMBER the instance; any other process is left alone.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>

namespace {

const volatile std::int64_t *shift = nullptr;

// "-n m1" of its command line.
bool is_the_member(const std::string &member)
{
	std::ifstream file("/proc/self/cmdline", std::ios::binary);
	const std::string line{std::istreambuf_iterator<char>(file), {}};
	const std::string words = std::string("-n") + '\0' + member + '\0';
	return line.find("systoled") != std::string::npos && line.find(words) != std::string::npos;
}

__attribute__((constructor)) void begin()
{
	const char *path = std::getenv("WALL_CLOCK_FILE");
	const char *member = std::getenv("WALL_CLOCK_MEMBER");
	if (path == nullptr || member == nullptr || !is_the_member(member))
		return;
	const int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		std::abort();
	void *place = mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, file, 0);
	close(file);
	if (place == MAP_FAILED)
		std::abort();
	shift = static_cast<const std::int64_t *>(place);
}

template <typename Function> Function *original(const char *name)
{
	return reinterpret_cast<Function *>(dlsym(RTLD_NEXT, name));
}

} // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec *out) noexcept
{
	static auto *const next = original<int(clockid_t, timespec *)>("clock_gettime");
	const int result = next(clock, out);
	if (result == 0 && shift != nullptr && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		out->tv_sec += *shift;
	return result;
}

int gettimeofday(timeval *out, void *zone) noexcept
{
	static auto *const next = original<int(timeval *, void *)>("gettimeofday");
	const int result = next(out, zone);
	if (result == 0 && shift != nullptr)
		out->tv_sec += *shift;
	return result;
}

time_t time(time_t *out) noexcept
{
	timespec now{};
	clock_gettime(CLOCK_REALTIME, &now);
	if (out != nullptr)
		*out = now.tv_sec;
	return now.tv_sec;
}

} // extern "C"
