/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trim.h - what a start has touched of executables and libraries, and what follows does not need.
 * The kernel maps 64 KiB around each page that is touched: of 2.2 MB that a forwarder is resident
 * with once its sockets are open, 1.5 MB are code that has run once.
 */
#pragma once

/* Read-only pages of files are let go of: one that is touched again comes from the page cache. */
void listen_trim(void);
