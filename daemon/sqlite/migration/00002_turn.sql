-- +goose Up
-- When an owner had the latest turn of each kind is asked before every start.
CREATE INDEX process_turn ON process (owner, kind, region, started_at);
