/* libpq as its users use it, one blocking call after the other.
 *
 * libpq_peer publish URL COUNT   NOTIFY reach, a message each millisecond or so, with the nanoseconds of CLOCK_MONOTONIC in it; "end" is the last
 * libpq_peer listen URL          how old these are when they arrive
 * libpq_peer select URL COUNT    how long a prepared SELECT of one row takes, with the Lua table that is made of it
 *
 * It prints `= p50 NANOSECONDS`. */

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "lauxlib.h"
#include "libpq-fe.h"
#include "lua.h"
#include "lualib.h"

#define MOST 1000000

static double ages[MOST];
static size_t count;

static double now(void) {
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void fail(PGconn *connection) {
	fprintf(stderr, "libpq_peer: %s\n", PQerrorMessage(connection));
	exit(1);
}

static void expect(PGconn *connection, PGresult *result, ExecStatusType status) {
	if (PQresultStatus(result) != status) fail(connection);
	PQclear(result);
}

static int by_size(const void *a, const void *b) {
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void report(void) {
	if (count == 0) exit(1);
	qsort(ages, count, sizeof *ages, by_size);
	printf("= p50 %.0f\n", ages[count / 2]);
}

static void publish(PGconn *connection, long messages) {
	unsigned chance = 1;
	/* Until somebody listens. */
	for (;;) {
		PGresult *result = PQexec(connection, "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN \"reach\"%'");
		int listeners = PQntuples(result);
		PQclear(result);
		if (listeners > 0) break;
		usleep(5000);
	}
	for (long i = 0; i <= messages; i++) {
		char text[32] = "end", sql[64];
		chance = chance * 1664525 + 1013904223;
		usleep(500 + (chance >> 16) % 1000);
		if (i < messages) snprintf(text, sizeof text, "%.0f", now());
		snprintf(sql, sizeof sql, "NOTIFY \"reach\", '%s'", text);
		expect(connection, PQexec(connection, sql), PGRES_COMMAND_OK);
	}
}

static void listen_to(PGconn *connection) {
	expect(connection, PQexec(connection, "LISTEN \"reach\""), PGRES_COMMAND_OK);
	for (;;) {
		struct pollfd socket = { .fd = PQsocket(connection), .events = POLLIN };
		if (poll(&socket, 1, 30000) <= 0 || !PQconsumeInput(connection)) fail(connection);
		for (PGnotify *message; (message = PQnotifies(connection)) != NULL; PQfreemem(message)) {
			double arrived = now();
			if (strcmp(message->extra, "end") == 0) return;
			if (count < MOST) ages[count++] = arrived - strtod(message->extra, NULL);
		}
	}
}

/* The table that realtime makes of a row: texts, and a number by its type. */
static void push_rows(lua_State *L, const PGresult *result) {
	int rows = PQntuples(result), columns = PQnfields(result);
	lua_createtable(L, rows, 0);
	for (int row = 0; row < rows; row++) {
		lua_createtable(L, 0, columns);
		for (int column = 0; column < columns; column++) {
			lua_pushstring(L, PQfname(result, column));
			const char *text = PQgetvalue(result, row, column);
			if (PQftype(result, column) == 20) lua_pushnumber(L, strtod(text, NULL));
			else lua_pushlstring(L, text, (size_t)PQgetlength(result, row, column));
			lua_rawset(L, -3);
		}
		lua_rawseti(L, -2, row + 1);
	}
}

static void select_rows(PGconn *connection, long times) {
	lua_State *L = luaL_newstate();
	if (L == NULL) exit(1);
	luaL_openlibs(L);
	if (luaL_dostring(L, "function callback(rows) return rows[1].points end")) exit(1);
	const char *sql = "SELECT id, name, points FROM players WHERE id = $1";
	expect(connection, PQprepare(connection, "s", sql, 1, NULL), PGRES_COMMAND_OK);
	for (long i = 0; i < times && i < MOST; i++) {
		const char *values[1] = { "76561198000000001" };
		double before = now();
		PGresult *result = PQexecPrepared(connection, "s", 1, values, NULL, NULL, 0);
		if (PQresultStatus(result) != PGRES_TUPLES_OK) fail(connection);
		lua_getglobal(L, "callback");
		push_rows(L, result);
		PQclear(result);
		if (lua_pcall(L, 1, 1, 0)) exit(1);
		lua_pop(L, 1);
		ages[count++] = now() - before;
	}
	lua_close(L);
}

int main(int argc, char **argv) {
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (argc < 3) return 64;
	PGconn *connection = PQconnectdb(argv[2]);
	if (PQstatus(connection) != CONNECTION_OK) fail(connection);
	long times = argc > 3 ? atol(argv[3]) : 0;
	if (strcmp(argv[1], "publish") == 0) {
		publish(connection, times);
		PQfinish(connection);
		return 0;
	}
	if (strcmp(argv[1], "listen") == 0) listen_to(connection);
	else select_rows(connection, times);
	report();
	PQfinish(connection);
	return 0;
}
