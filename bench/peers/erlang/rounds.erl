%% How a program in Erlang talks with the runner: as bench/programs/rounds.ts does.
-module(rounds).
-export([stand_by/1, serve_until_end/0, until/2]).

%% For each line, which says how many milliseconds, a round: `Round(Milliseconds)` gives how many operations it made.
stand_by(Round) ->
    io:format("ready~n"),
    loop(Round).

loop(Round) ->
    case io:get_line("") of
        eof -> halt();
        {error, _} -> halt();
        Line ->
            Milliseconds = list_to_integer(string:trim(Line)),
            Began = erlang:monotonic_time(microsecond),
            Operations = Round(Milliseconds),
            Seconds = (erlang:monotonic_time(microsecond) - Began) / 1.0e6,
            io:format("~b ~.6f~n", [Operations, Seconds]),
            loop(Round)
    end.

%% For a server, which serves until the runner ends.
serve_until_end() ->
    case io:get_line("") of
        eof -> halt();
        {error, _} -> halt();
        _ -> serve_until_end()
    end.

%% Calls `Batch` as often as there is time for, and adds up what it gives.
until(Milliseconds, Batch) ->
    until(erlang:monotonic_time(millisecond) + Milliseconds, Batch, 0).

until(End, Batch, Sum) ->
    Next = Sum + Batch(),
    case erlang:monotonic_time(millisecond) >= End of
        true -> Next;
        false -> until(End, Batch, Next)
    end.
