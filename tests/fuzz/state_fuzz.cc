// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Fuzz target: the files a daemon finds at its start. Input: one byte, which file ('h' the history, else the resume keys
// of a peer), then what a crash, a full disk or somebody's editor left of it.
#include "control/history.h"
#include "control/resume_keys.h"
#include "tests/fuzz/require.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fcntl.h>
#include <string>

namespace {

using namespace systole;

// In memory; gone with the process.
class Folder {
public:
	Folder()
	{
		fuzz::require(mkdtemp(m_path.data()) != nullptr, "a directory in /dev/shm can be made");
		fuzz::require(mkdir(keys().c_str(), 0700) == 0, "and one in it");
	}
	~Folder()
	{
		for (const std::string &file : {history(), history() + ".new", key()})
			(void)unlink(file.c_str());
		(void)rmdir(keys().c_str());
		(void)rmdir(m_path.c_str());
	}
	Folder(const Folder &) = delete;
	Folder &operator=(const Folder &) = delete;

	[[nodiscard]] std::string history() const { return m_path + "/history.jsonl"; }
	[[nodiscard]] std::string keys() const { return m_path + "/resume"; }
	[[nodiscard]] std::string key() const { return keys() + "/6d31"; } // the name is the serial in hexadecimal

private:
	std::string m_path = "/dev/shm/systole-fuzz-XXXXXX";
};

void put(const std::string &path, std::string_view text)
{
	const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	fuzz::require(fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
			      close(fd) == 0,
		      "the input can be written");
}

void read_history(const Folder &folder, std::string_view text)
{
	put(folder.history(), text);
	std::string error;
	std::size_t kept = 0;
	{
		control::History history;
		fuzz::require(history.load(folder.history(), error), "any history is loaded");
		kept = history.entries().size();
		history.append({{"text", "after the start"}});
		history.stop();
		fuzz::require(history.write_errors() == 0 && history.dropped() == 0, "what follows is written");
	}
	control::History again;
	fuzz::require(again.load(folder.history(), error), "what was written is loaded");
	fuzz::require(again.skipped_lines() == 0, "what was damaged is gone after one start");
	fuzz::require(again.entries().size() == std::min(kept + 1, control::History::max_entries) &&
			      again.entries().back().at("text").as_string() == "after the start",
		      "nothing good was lost");
}

void read_keys(const Folder &folder, std::string_view text)
{
	put(folder.key(), text);
	const core::MemberId peer = core::MemberId::from("m1");
	std::string error;
	std::size_t complaints = 0;
	control::ResumeKeys keys;
	fuzz::require(keys.open(
			      folder.keys(), [&](const std::string &) { ++complaints; }, error),
		      "a damaged key does not hold up the start");
	fuzz::require((keys.newest(peer) == nullptr) == (complaints == 1), "a key is taken, or complained of");
	fuzz::require(keys.newest(peer) != nullptr || keys.older(peer) == nullptr, "no older key without a newest");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	static const Folder folder;
	if (size == 0)
		return 0;
	const std::string_view text = fuzz::text_of(data + 1, size - 1);
	if (data[0] == 'h')
		read_history(folder, text);
	else
		read_keys(folder, text);
	return 0;
}
