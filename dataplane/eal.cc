// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "dataplane/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <thread>
#include <utility>

namespace systole::dataplane {

namespace {

constexpr unsigned base_memory_mib = 64;     // EAL, rings, two small pools
constexpr unsigned own_memory_mib = 24;      // of it not for pools
constexpr std::size_t bytes_per_mbuf = 2560; // data room, header, cache line padding
constexpr unsigned huge_page_mib = 2;
constexpr std::chrono::seconds longest_turn_wait{5};

bool is_given(const std::vector<std::string> &given, std::initializer_list<std::string_view> names)
{
	return std::any_of(given.begin(), given.end(), [&](const std::string &argument) {
		return std::any_of(names.begin(), names.end(), [&](std::string_view name) {
			const bool is_long = name.starts_with("--");
			return argument == name ||
			       (argument.starts_with(name) && (!is_long || argument[name.size()] == '='));
		});
	});
}

// Who gives one of these has decided where memory comes from and who may share it.
bool chooses_memory(const std::vector<std::string> &given)
{
	return is_given(given, {"--in-memory", "--no-huge", "--no-shconf", "--huge-dir", "--huge-unlink", "--proc-type",
				"--legacy-mem"});
}

bool mentions(const std::vector<std::string> &given, const std::string &device)
{
	return std::any_of(given.begin(), given.end(),
			   [&](const std::string &argument) { return argument.find(device) != std::string::npos; });
}

std::string joined(std::span<const int> numbers)
{
	std::string text;
	for (const int number : numbers)
		text += (text.empty() ? "" : ",") + std::to_string(number);
	return text;
}

std::string first_line_of(const std::string &path)
{
	std::ifstream file(path);
	std::string line;
	std::getline(file, line);
	return line;
}

// EAL makes a directory for its runtime files, keeps nothing in it with our options, and leaves it behind.
void remove_runtime_directory()
{
	if (const char *directory = rte_eal_get_runtime_dir(); directory != nullptr && *directory != '\0')
		(void)rmdir(directory); // only if it is empty
}

// EAL's own words, kept back while it starts: on success nobody needs them, on failure the last one is the cause.
class LogCatcher {
public:
	LogCatcher() : m_stream(open_memstream(&m_text, &m_size))
	{
		if (m_stream != nullptr)
			rte_openlog_stream(m_stream);
	}
	~LogCatcher()
	{
		rte_openlog_stream(stderr);
		if (m_stream != nullptr)
			fclose(m_stream);
		free(m_text); // made by open_memstream
	}
	LogCatcher(const LogCatcher &) = delete;
	LogCatcher &operator=(const LogCatcher &) = delete;

	[[nodiscard]] std::string last_line() const
	{
		if (m_stream == nullptr || fflush(m_stream) != 0)
			return {};
		std::string_view text(m_text, m_size);
		while (!text.empty() && text.back() == '\n')
			text.remove_suffix(1);
		return std::string(text.substr(text.rfind('\n') + 1));
	}

private:
	char *m_text = nullptr;
	std::size_t m_size = 0;
	FILE *m_stream;
};

} // namespace

std::vector<int> parse_cpu_list(std::string_view text)
{
	std::vector<int> cpus;
	const auto number = [&text](int &value) {
		const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
		text.remove_prefix(static_cast<std::size_t>(result.ptr - text.data()));
		return result.ec == std::errc{};
	};
	int first = 0;
	while (number(first)) {
		int last = first;
		if (text.starts_with('-')) {
			text.remove_prefix(1);
			if (!number(last))
				break;
		}
		for (int cpu = first; cpu <= last && cpu < CPU_SETSIZE; ++cpu)
			cpus.push_back(cpu);
		if (!text.starts_with(','))
			break;
		text.remove_prefix(1);
	}
	return cpus;
}

std::vector<int> allowed_cpus()
{
	cpu_set_t set;
	CPU_ZERO(&set);
	std::vector<int> cpus;
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
			if (CPU_ISSET(cpu, &set))
				cpus.push_back(cpu);
	return cpus.empty() ? std::vector<int>{0} : cpus;
}

std::vector<int> isolated_cpus(std::span<const int> allowed)
{
	std::vector<int> cpus = parse_cpu_list(first_line_of("/sys/devices/system/cpu/isolated"));
	std::erase_if(cpus, [&](int cpu) { return std::find(allowed.begin(), allowed.end(), cpu) == allowed.end(); });
	return cpus;
}

unsigned memory_needed_mib(std::span<const Device> devices)
{
	std::size_t mbufs = 0;
	for (const Device &device : devices)
		mbufs += device.mbufs();
	const auto pools = static_cast<unsigned>(mbufs * bytes_per_mbuf >> 20) + 1;
	const unsigned needed = std::max(base_memory_mib, own_memory_mib + pools);
	return (needed + 15) / 16 * 16;
}

bool enough_huge_pages(unsigned mib)
{
	const std::string free_pages = first_line_of("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
	unsigned pages = 0;
	std::from_chars(free_pages.data(), free_pages.data() + free_pages.size(), pages);
	return pages >= mib / huge_page_mib;
}

HugePageTurn::HugePageTurn(const std::string &lock_file)
    : m_fd(open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600))
{
	const auto end = std::chrono::steady_clock::now() + longest_turn_wait;
	while (m_fd >= 0 && !m_has_it) {
		m_has_it = flock(m_fd, LOCK_EX | LOCK_NB) == 0;
		if (!m_has_it && std::chrono::steady_clock::now() >= end)
			return;
		if (!m_has_it)
			std::this_thread::sleep_for(std::chrono::milliseconds{10});
	}
}

HugePageTurn::~HugePageTurn()
{
	if (m_fd >= 0)
		close(m_fd); // and with it the lock
}

int choose_worker_cpu(const EalRequest &request)
{
	const std::vector<int> &cpus = request.isolated_cpus.empty() ? request.cpus : request.isolated_cpus;
	const std::string &name = request.instance;
	const auto digits = name.find_last_not_of("0123456789") + 1; // npos + 1 is 0: the name is all digits
	unsigned number = 1;
	std::from_chars(name.data() + digits, name.data() + name.size(), number);
	const auto steps_down = (std::max(number, 1U) - 1) % cpus.size();
	return cpus[cpus.size() - 1 - steps_down];
}

std::vector<std::string> eal_arguments(const EalRequest &request)
{
	std::vector<std::string> arguments{"systoled"};
	if (request.given.empty()) {
		// The main lcore runs control and may wander; only the poll core is pinned.
		arguments.push_back("--lcores=" + std::to_string(main_lcore) + "@(" + joined(request.cpus) + ")," +
				    std::to_string(worker_lcore) + "@" + std::to_string(choose_worker_cpu(request)));
		if (request.huge_pages)
			arguments.insert(arguments.end(), {"--in-memory", "--single-file-segments"});
		else
			arguments.insert(arguments.end(),
					 {"--no-huge", "--no-shconf"}); // with --in-memory EAL refuses --no-huge
		arguments.insert(arguments.end(),
				 {"--iova-mode=va", "-m", std::to_string(memory_needed_mib(request.devices)),
				  "--file-prefix=systole-" + request.instance, "--no-telemetry",
				  "--log-level=*:error"});
	} else {
		arguments.insert(arguments.end(), request.given.begin(), request.given.end());
		if (!is_given(request.given, {"--file-prefix"}))
			arguments.push_back("--file-prefix=systole-" + request.instance);
		if (!is_given(request.given, {"--telemetry", "--no-telemetry"}))
			arguments.emplace_back("--no-telemetry");
		if (!chooses_memory(request.given))
			arguments.emplace_back("--in-memory");
	}

	bool any_pci = false;
	for (const Device &device : request.devices) {
		any_pci = any_pci || device.kind == Device::Kind::pci;
		if (mentions(request.given, device.ethdev))
			continue;
		arguments.insert(arguments.end(),
				 {device.kind == Device::Kind::pci ? "-a" : "--vdev", device.argument});
	}
	if (!any_pci && !is_given(request.given, {"--no-pci", "-a", "--allow", "-b", "--block"}))
		arguments.emplace_back("--no-pci");
	return arguments;
}

std::optional<Eal> Eal::start(const EalRequest &request, std::string &error)
{
	// EAL permutes argv and keeps pointers into it for its whole life.
	static std::vector<std::string> storage;
	static std::vector<char *> argv;
	storage = eal_arguments(request);
	argv.clear();
	for (std::string &argument : storage)
		argv.push_back(argument.data());
	argv.push_back(nullptr);

	cpu_set_t before;
	CPU_ZERO(&before);
	const bool affinity_known = sched_getaffinity(0, sizeof(before), &before) == 0;

	// Somebody who gives EAL options wants to see EAL's answers.
	const auto catcher = request.given.empty() ? std::make_unique<LogCatcher>() : nullptr;
	if (rte_eal_init(static_cast<int>(argv.size() - 1), argv.data()) < 0) {
		const std::string cause = catcher != nullptr ? catcher->last_line() : std::string();
		error = "EAL does not start: " + (cause.empty() ? std::string(rte_strerror(rte_errno)) : cause);
		remove_runtime_directory();
		return std::nullopt;
	}
	// EAL has pinned us to the main lcore, and threads inherit that.
	if (affinity_known)
		(void)sched_setaffinity(0, sizeof(before), &before);

	const unsigned worker = rte_get_next_lcore(-1U, 1, 0);
	if (worker == RTE_MAX_LCORE) {
		error = "EAL was given one lcore, two are needed: one for control and one that polls (for instance -l "
			"0,1 or --lcores=0@0,1@0)";
		rte_eal_cleanup();
		remove_runtime_directory();
		return std::nullopt;
	}
	return Eal(worker);
}

unsigned Eal::worker_cpu() const
{
	const rte_cpuset_t cpus = rte_lcore_cpuset(m_worker);
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu)
		if (CPU_ISSET(cpu, &cpus))
			return cpu;
	return 0;
}

Eal::Eal(Eal &&other) noexcept : m_owner(std::exchange(other.m_owner, false)), m_worker(other.m_worker) {}

Eal::~Eal()
{
	if (!m_owner)
		return;
	rte_eal_cleanup();
	remove_runtime_directory();
}

} // namespace systole::dataplane
