// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The one place of the reader that touches a file.
#include "control/config/parse.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace systole::control {

namespace {

ParseResult failed(const std::string &path, const std::string &message)
{
	ParseResult result;
	result.diagnostics.push_back({Severity::error, path, 0, 0, message});
	return result;
}

struct Descriptor {
	int number;
	explicit Descriptor(int open_number) : number(open_number) {}
	Descriptor(const Descriptor &) = delete;
	Descriptor &operator=(const Descriptor &) = delete;
	~Descriptor()
	{
		if (number >= 0)
			close(number);
	}
};

} // namespace

ParseResult load_configuration(const std::string &path)
{
	const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)); // a FIFO must not hang the start
	struct stat status {};
	if (file.number < 0 || fstat(file.number, &status) != 0)
		return failed(path, std::string("cannot read: ") + std::strerror(errno));
	if (!S_ISREG(status.st_mode))
		return failed(path, "not a regular file: name the configuration file itself");
	const std::string too_large =
		"larger than " + std::to_string(max_configuration_bytes) + " bytes: this is no configuration file";
	if (static_cast<std::uintmax_t>(status.st_size) > max_configuration_bytes)
		return failed(path, too_large);

	// One byte more than the file had, to notice one that grows while it is read.
	const std::size_t capacity = static_cast<std::size_t>(status.st_size) + 1;
	const auto wipe = [capacity](char *buffer) {
		explicit_bzero(buffer, capacity);
		delete[] buffer;
	};
	const std::unique_ptr<char[], decltype(wipe)> buffer(new char[capacity], wipe);
	std::size_t size = 0;
	while (size < capacity) {
		const ssize_t got = read(file.number, buffer.get() + size, capacity - size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return failed(path, std::string("cannot read: ") + std::strerror(errno));
		if (got == 0)
			break;
		size += static_cast<std::size_t>(got);
	}
	if (size == capacity)
		return failed(path, "changed while it was read: try again");
	return parse_configuration({buffer.get(), size}, path);
}

} // namespace systole::control
