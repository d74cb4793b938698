// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A file descriptor with one owner, and the error a failed system call becomes.
#pragma once

#include <cerrno>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace systole::prober {

class Descriptor {
public:
	Descriptor() = default;
	explicit Descriptor(int fd) : m_fd(fd) {}
	Descriptor(Descriptor &&other) noexcept : m_fd(std::exchange(other.m_fd, -1)) {}
	Descriptor &operator=(Descriptor &&other) noexcept
	{
		reset(std::exchange(other.m_fd, -1));
		return *this;
	}
	Descriptor(const Descriptor &) = delete;
	Descriptor &operator=(const Descriptor &) = delete;
	~Descriptor() { reset(); }

	[[nodiscard]] int get() const { return m_fd; }
	[[nodiscard]] bool open() const { return m_fd >= 0; }
	void reset(int fd = -1)
	{
		if (m_fd >= 0)
			close(m_fd);
		m_fd = fd;
	}

private:
	int m_fd = -1;
};

[[nodiscard]] inline int checked(int result, const std::string &what)
{
	if (result < 0)
		throw std::system_error(errno, std::generic_category(), what);
	return result;
}

} // namespace systole::prober
