%% gen_server as a peer: what an actor of ours is a port of, by way of gleam_otp.
-module(gen_server_peer).
-export([main/1]).
-behaviour(gen_server).
-export([init/1, handle_call/3, handle_cast/2]).

main(["ping-pong"]) ->
    {ok, Pong} = gen_server:start_link(?MODULE, pong, []),
    {ok, Ping} = gen_server:start_link(?MODULE, {ping, Pong}, []),
    stand_by(fun() ->
        gen_server:cast(Ping, {play, self(), 10000}),
        receive played -> 10000 end
    end);
main(["spawn"]) ->
    stand_by(fun() -> start_many(1000), 1000 end);
main(["call"]) ->
    {ok, Callee} = gen_server:start_link(?MODULE, none, []),
    stand_by(fun() -> [_ = gen_server:call(Callee, N) || N <- lists:seq(1, 1000)], 1000 end).

stand_by(Batch) ->
    rounds:stand_by(fun(Milliseconds) -> rounds:until(Milliseconds, Batch) end).

start_many(0) -> ok;
start_many(Left) ->
    {ok, Process} = gen_server:start(?MODULE, none, []),
    gen_server:cast(Process, {answer_and_stop, self()}),
    receive answered -> start_many(Left - 1) end.

init(State) -> {ok, State}.

handle_call(Question, _, State) -> {reply, Question, State}.

handle_cast({answer_and_stop, From}, State) ->
    From ! answered,
    {stop, normal, State};
handle_cast({play, From, Left}, {ping, Pong}) ->
    gen_server:cast(Pong, {ping, self()}),
    {noreply, {ping, Pong, From, Left}};
handle_cast({ping, From}, State) ->
    gen_server:cast(From, pong),
    {noreply, State};
handle_cast(pong, {ping, Pong, From, 1}) ->
    From ! played,
    {noreply, {ping, Pong}};
handle_cast(pong, {ping, Pong, From, Left}) ->
    gen_server:cast(Pong, {ping, self()}),
    {noreply, {ping, Pong, From, Left - 1}}.
