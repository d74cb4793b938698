// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/resume_keys.h"

#include <fmt/format.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace systole::control {

namespace {

// A file: the heading, the newest key and the one before in hexadecimal (or "-"), each on a line. The name is the peer's
// serial in hexadecimal, because a serial may hold any byte.
constexpr std::string_view heading = "systole resume keys 1\n";
constexpr std::string_view unfinished = ".new"; // behind the name while it is written
constexpr std::size_t key_digits = 64;
constexpr std::string_view digits = "0123456789abcdef";

class Descriptor {
public:
	explicit Descriptor(int fd) : m_fd(fd) {}
	~Descriptor()
	{
		if (m_fd >= 0)
			close(m_fd);
	}
	Descriptor(const Descriptor &) = delete;
	Descriptor &operator=(const Descriptor &) = delete;
	[[nodiscard]] int get() const { return m_fd; }

private:
	int m_fd;
};

std::string name_of(const core::MemberId &peer)
{
	std::size_t length = peer.text.size();
	while (length != 0 && peer.text[length - 1] == '\0')
		--length;
	std::string name;
	for (std::size_t i = 0; i < length; ++i)
		name += fmt::format("{:02x}", static_cast<unsigned char>(peer.text[i]));
	return name;
}

int value_of(char digit)
{
	const std::size_t at = digits.find(digit);
	return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

bool from_hex(std::string_view text, std::span<std::byte> out)
{
	if (text.size() != out.size() * 2)
		return false;
	for (std::size_t i = 0; i < out.size(); ++i) {
		const int high = value_of(text[2 * i]);
		const int low = value_of(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[i] = static_cast<std::byte>(high << 4 | low);
	}
	return true;
}

std::optional<core::MemberId> peer_of(std::string_view name)
{
	std::array<std::byte, 16> serial{};
	if (name.empty() || name.size() % 2 != 0 || name.size() > 2 * serial.size() ||
	    !from_hex(name, std::span(serial).first(name.size() / 2)))
		return std::nullopt;
	core::MemberId id;
	std::transform(serial.begin(), serial.end(), id.text.begin(),
		       [](std::byte b) { return std::to_integer<char>(b); });
	return id;
}

// Appends to a text that holds a secret.
class SecretText {
public:
	explicit SecretText(std::span<std::byte> out) : m_out(out) {}
	void add(std::string_view text)
	{
		for (const char c : text)
			m_out[m_length++] = static_cast<std::byte>(c);
	}
	void add_hex(crypto::Bytes bytes)
	{
		for (const std::byte b : bytes) {
			m_out[m_length++] = static_cast<std::byte>(digits[std::to_integer<std::size_t>(b) >> 4]);
			m_out[m_length++] = static_cast<std::byte>(digits[std::to_integer<std::size_t>(b) & 15]);
		}
	}
	[[nodiscard]] std::size_t length() const { return m_length; }

private:
	std::span<std::byte> m_out;
	std::size_t m_length = 0;
};

bool write_file(const std::string &directory, const std::string &name, crypto::Bytes text)
{
	const std::string path = directory + "/" + name;
	const std::string fresh = path + std::string(unfinished);
	(void)unlink(fresh.c_str()); // of a writing that did not end; its mode may be anybody's
	{
		const Descriptor file(
			::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
		if (file.get() < 0 ||
		    ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
		    fsync(file.get()) != 0)
			return false;
	}
	if (rename(fresh.c_str(), path.c_str()) != 0)
		return false;
	const Descriptor folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	return folder.get() >= 0 && fsync(folder.get()) == 0;
}

} // namespace

ResumeKeys::~ResumeKeys()
{
	if (!m_writer.joinable())
		return;
	{
		const std::lock_guard lock(m_mutex);
		m_ending = true;
	}
	m_something.notify_one();
	m_writer.join();
}

bool ResumeKeys::open(const std::string &directory, Complaint complaint, std::string &error)
{
	struct stat found {};
	if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
		error = fmt::format("cannot create the directory {}: {}", directory, std::strerror(errno));
		return false;
	}
	if (lstat(directory.c_str(), &found) != 0 || !S_ISDIR(found.st_mode)) {
		error = fmt::format("{} is no directory: the resume keys belong there; move it away", directory);
		return false;
	}
	if ((found.st_mode & 077) != 0) {
		error = fmt::format("{} holds keys and is open to others (mode {:04o}): chmod 0700 {}", directory,
				    found.st_mode & 07777, directory);
		return false;
	}
	m_directory = directory;
	m_complaint = std::move(complaint);
	const std::unique_ptr<DIR, int (*)(DIR *)> folder(opendir(directory.c_str()), closedir);
	if (folder == nullptr) {
		error = fmt::format("cannot read the directory {}: {}", directory, std::strerror(errno));
		return false;
	}
	while (const dirent *entry = readdir(folder.get())) {
		const std::string name = entry->d_name;
		if (name.ends_with(unfinished))
			(void)unlink((directory + "/" + name).c_str());
		else if (name != "." && name != ".." && !read(name, error))
			return false;
	}
	m_writer = std::thread([this] { run(); });
	return true;
}

// False only for what must not go on.
bool ResumeKeys::read(const std::string &name, std::string &error)
{
	const std::string path = m_directory + "/" + name;
	const auto peer = peer_of(name);
	const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
	struct stat found {};
	if (!peer || file.get() < 0 || fstat(file.get(), &found) != 0 || !S_ISREG(found.st_mode)) {
		m_complaint(fmt::format("{} is no file of resume keys: left out", path));
		return true;
	}
	if ((found.st_mode & 077) != 0) {
		error = fmt::format("{} holds keys and is open to others (mode {:04o}): chmod 0600 {}", path,
				    found.st_mode & 07777, path);
		return false;
	}
	crypto::Secret<192> bytes;
	const ssize_t size = ::read(file.get(), bytes.span().data(), bytes.size());
	std::string_view text(reinterpret_cast<const char *>(bytes.bytes().data()),
			      size > 0 ? static_cast<std::size_t>(size) : 0);
	Pair pair;
	Key older;
	bool good = text.starts_with(heading);
	text.remove_prefix(good ? heading.size() : 0);
	good = good && text.size() > key_digits && text[key_digits] == '\n' &&
	       from_hex(text.substr(0, key_digits), pair.newest.span());
	text.remove_prefix(good ? key_digits + 1 : 0);
	const bool with_older = good && text.size() == key_digits + 1 && text.back() == '\n' &&
				from_hex(text.substr(0, key_digits), older.span());
	if (!good || (!with_older && text != "-\n")) {
		m_complaint(fmt::format("{} is damaged: left out; that peer has to join without a ticket once", path));
		return true;
	}
	if (with_older)
		pair.older = std::move(older);
	pair.at_ns = std::int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec;
	m_newest_at_ns = std::max(m_newest_at_ns, pair.at_ns);
	m_pairs.insert_or_assign(*peer, std::move(pair));
	return true;
}

core::FixedVector<core::MemberId, core::max_members> ResumeKeys::acquainted() const
{
	std::vector<std::pair<std::int64_t, core::MemberId>> all;
	for (const auto &[peer, pair] : m_pairs)
		all.emplace_back(-pair.at_ns, peer);
	std::sort(all.begin(), all.end());
	core::FixedVector<core::MemberId, core::max_members> list;
	for (std::size_t i = 0; i < all.size() && !list.full(); ++i)
		list.push_back(all[i].second);
	return list;
}

const ResumeKeys::Key *ResumeKeys::newest(const core::MemberId &peer) const
{
	const auto found = m_pairs.find(peer);
	return found == m_pairs.end() ? nullptr : &found->second.newest;
}

const ResumeKeys::Key *ResumeKeys::older(const core::MemberId &peer) const
{
	const auto found = m_pairs.find(peer);
	return found == m_pairs.end() || !found->second.older ? nullptr : &*found->second.older;
}

void ResumeKeys::keep(const core::MemberId &peer, Key key)
{
	Pair pair;
	if (const auto found = m_pairs.find(peer); found != m_pairs.end())
		pair.older = std::move(found->second.newest);
	pair.newest = std::move(key);
	pair.at_ns = ++m_newest_at_ns;
	const auto kept = m_pairs.insert_or_assign(peer, std::move(pair)).first;
	if (m_writer.joinable())
		write(peer, kept->second);
}

void ResumeKeys::write(const core::MemberId &peer, const Pair &pair)
{
	Job job{name_of(peer), {}, 0};
	SecretText text(job.text.span());
	text.add(heading);
	text.add_hex(pair.newest.bytes());
	text.add("\n");
	if (pair.older)
		text.add_hex(pair.older->bytes());
	else
		text.add("-");
	text.add("\n");
	job.length = text.length();
	{
		const std::lock_guard lock(m_mutex);
		m_jobs.push_back(std::move(job));
	}
	m_something.notify_one();
}

void ResumeKeys::run()
{
	for (;;) {
		Job job;
		{
			std::unique_lock lock(m_mutex);
			m_something.wait(lock, [this] { return m_ending || !m_jobs.empty(); });
			if (m_jobs.empty())
				return;
			job = std::move(m_jobs.front());
			m_jobs.pop_front();
		}
		if (!write_file(m_directory, job.name, job.text.bytes().first(job.length)))
			m_complaint(fmt::format("cannot write {}/{}: {}; that peer may have to join without a ticket",
						m_directory, job.name, std::strerror(errno)));
	}
}

} // namespace systole::control
