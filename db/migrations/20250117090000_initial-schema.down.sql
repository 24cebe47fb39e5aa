-- Takes the first schema away again, in reverse order. All rows are lost with it.

DROP TABLE public.audit_events;
DROP TABLE public.refresh_tokens;
DROP TABLE public.users;
DROP FUNCTION public.set_updated_at();
