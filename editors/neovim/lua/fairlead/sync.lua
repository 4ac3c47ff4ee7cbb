-- Mends what Neovim does not tell a server: what its text ends its lines with, when that is changed in mid-session.
--
-- 'fileformat' and 'endofline' change the text that a save would write, but no line of the buffer, so Neovim sends nothing and
-- goes on with changes that fit neither the one nor the other.

local M = {}

---@param bufnr integer
---@return string  as Neovim sends it when a buffer is opened
local function full_text(bufnr)
  local ending = ({ dos = '\r\n', mac = '\r' })[vim.bo[bufnr].fileformat] or '\n'
  local text = table.concat(vim.api.nvim_buf_get_lines(bufnr, 0, -1, true), ending)
  return vim.bo[bufnr].endofline and text .. ending or text
end

--- Sends the whole text of a buffer.
---@param bufnr integer
function M.send(bufnr)
  for _, client in ipairs(vim.lsp.get_clients({ name = 'fairlead', bufnr = bufnr })) do
    local document = { uri = vim.uri_from_bufnr(bufnr) }
    -- A request is preceded by the changes that Neovim still holds back; they must not come behind the whole text.
    client:request('fairlead/textHash', document, function() end, bufnr)
    document.version = vim.lsp.util.buf_versions[bufnr]
    client:notify('textDocument/didChange', { textDocument = document, contentChanges = { { text = full_text(bufnr) } } })
  end
end

return M
